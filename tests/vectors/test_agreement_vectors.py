"""Key agreement and signatures of suite 1 with the keys and results of the standard's published examples.

Facts of the DLMS UA Green Book (edition 8, tables 41 and C.1 to C.3), collected from public implementations that carry
them as test data: EnergyICT's (keys, signatures), dlms-cosem's (the APDU of table 41), Gurux's Java (derived keys,
ciphertexts). They agree with each other but for two things. EnergyICT derives keys with 6085740608030x where the book's
own ciphertexts ask for 6085740508030x, as here. And no reading of the book gives the authentication tags of the tables
(other ciphertexts stand in other editions): so ciphertexts are opened here as if they were encrypted alone.
"""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.ciphered import AgreedKey, GeneralCiphering, GeneralHeader
from protocols.dlms.security.agreement import agree, open_ephemeral, signed_ephemeral
from protocols.dlms.security.control import ENCRYPTED, PROTECTED
from protocols.dlms.security.general import unprotect_general
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import Opened
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.signature import private_key, public_key, public_octets, verify
from protocols.dlms.security.suite import SUITE_1
from protocols.secret import Secret

U, V = bytes.fromhex("4D4D4D0000BC614E"), bytes.fromhex("4D4D4D0000000001")
"""System titles of the parties."""
TRANSACTION = bytes.fromhex("0102030405060708")
HEADER = GeneralHeader(TRANSACTION, U, V)


def private(digits: str) -> ec.EllipticCurvePrivateKey:
    return private_key(SUITE_1, Secret(bytes.fromhex(digits)))


def public(digits: str) -> ec.EllipticCurvePublicKey:
    key = public_key(SUITE_1, bytes.fromhex(digits))
    assert not isinstance(key, Refused)
    return key


CLIENT_SIGNS = private("418073C239FA6125011DE4D6CD2E645780289F761BB21BFB0835CB5585E8B373")
SERVER_SIGNS = private("AE55414FFE079F9FC95649536BD1C2B5653D200813727E07D501A8B550C69207")
CLIENT_AGREES = private("A51C16FF5C498FCC89323D4A9267CD71BF81FD6F6A891CD240DA7F3D6F283E65")
SERVER_AGREES = private("AAD3FD0732E991CF52A74C66C1F2827DDC53522A2E0A169D7C4FFCC0FB5D6A4D")
CLIENT_EPHEMERAL = private("47DAB03842E5B6E74828EF4F449B378D7DD1A5DAE1FFCA5AE0B0BE0AD18EC57E")

PUBLIC = {
    CLIENT_SIGNS: "BAAFFDE06A8CB1C9DAE8D94023C601DBBB249254BA22EDD827E820BCA2BCC643"
    "62FBB83D86A82B87BB8B7161D2AAB5521911A946B97A284A90F7785CD9047D25",
    SERVER_SIGNS: "933ACF15B03A9248E029B2787FB52A0AECAF635F07C42A0019FB3197E38F8F54"
    "9A125EA36781B0CA96BE89A0E1FE2CF9B7361ED48B3C5E24592B9C0F4EDD31D1",
    CLIENT_AGREES: "07C56DE2DCAF0FD793EF29F019C89B4A0CC1E001CE94F4FFBE10BC05E7E66F76"
    "71A13FBCF9E662B9826FFF6A6938546D524ED6D3405F020296BDE16B04F7A7C2",
    SERVER_AGREES: "A653565B0E06070BAE9FBE140A5D2156812AEE2DD525053E3EFC850BF13BFDFF"
    "CB240BC7B77BFF5883344E7275908D2287BEFA3725017295A096989D2338290B",
    CLIENT_EPHEMERAL: "C323C2BD45711DE4688637D919F92E9DB8FB2DFC213A88D21C9DC8DCBA917D81"
    "70511DE1BADB360D50058F794B0960AE11FA28D392CFF907A62D13E3357B1DC0",
}

ACCESS_REQUEST = bytes.fromhex(
    "D94000000000040100010000600100FF020100080000010000FF0202001400000D0000FF0702001400000D0000FF0804000001040203"
    "090100090CFFFFFFFFFFFFFF00000000000901FF0203090101090CFFFFFFFFFFFFFF00000000000901FF0203090102090CFFFFFFFFFF"
    "FFFF00000000000901FF0203090103090CFFFFFFFFFFFFFF00000000000901FF0104020809010011FF11FF11FF11FF11FF11FF11FF02"
    "080901011102110111011101110111011101020809010211FF11FF11FF11FF11FF11FF11FF02080901031101110211021102110211021102"
)
EPHEMERAL_SIGNATURE = (
    "B51BE089D0B682863B2217201E73A1A9031968A9B4121DCBC3281A69739AF874"
    "29F5B3AC5471E7B6A04A2C0F2F8A25FD772A317DF97FC5463FEAC248EB8AB8BE"
)
SERVER_EPHEMERAL = (
    "6439724714B47CD9CB988897D8424AB946DCD083D37A954637616011B9C23787"
    "73295F0F850D8DAFD1BBE9FE666E53E4F097CD10B38B69622152724A90987444"
)
SERVER_SIGNATURE = (
    "E1FF47974A1F6931A6502F58147463F0E8CC517D47F55B0AC56DD8AC5C9D0E48"
    "1934F2D90F9893016BD82B6E3FFE21FF1588F3278B4E9D98EB4FB62ADD64B380"
)
ONE_PASS_CIPHERTEXT = (
    "F435069679270C5BF4425EE5777402A6C8D51C620EED52DBB188378B836E2857D5C053E6DDF27FA87409AEF502CD9618AE47017C0102"
    "24FD109CC0BEB21E742D44AB40CD11908743EC90EC8C40E221D517F72228E1A26E827F43DC18ED27B5F458D66508B05A2A4CC6FED178"
    "C881AFC3BC67064689BE8BB41C80ABB3C114A31F4CB03B8B64C7E0B4CE77B2399C93347858888F92239713B38DF01C4858245827A92E"
    "F334172EA636B31CBBDF2A96AD5D035F66AA38F1A2D97D4BBA99622E6B5F18789CECB2DFB3937D9F3E17F8B472098E6563238F375283"
    "7480"
)
STATIC_CIPHERTEXT = (
    "607581D83815281B561904E6A72B83BF3FB0B1F2A0A23A82A804B39911F6CB1B4EF9B6F76C6338ED058014FFBF4A13A162E0EED11EEB"
    "8F597757A18215F28E1D3FC2D44586C4B8AFE4500B535B579506CDB925CBEFF7F1CF6BF96C583B9CF588FE8F6B01A574824D7CEC597F"
    "057FFA8700AF12AD63A7FA72040439F4392C089B265F9EB1AC308239906DC04E1A8712ABE383CF92349842EBA166EF2E9EB2F53D0DBA"
    "025D79875463398BBC3007BC4A6FC12780C21EE1ABF080BF0FA926242834C0AC30D55A1EF8856E7DED48621F17FDF4D5B54EDDADD874"
    "1192"
)


@pytest.mark.parametrize("key", PUBLIC)
def test_public_keys_are_those_of_the_private_ones(key: ec.EllipticCurvePrivateKey) -> None:
    assert public_octets(SUITE_1, key.public_key()).hex().upper() == PUBLIC[key]


def test_a_key_agreement_of_a_security_setup_signs_key_id_and_ephemeral_key() -> None:
    """Table C.1."""
    ephemeral = (
        "2914D60E10AB705F62ED6CC349D7CB99B9AB3F3978E59278C7AF595B3AF98794"
        "1372DAB6D5AF1FA867E134167E6F23DE664A6693E05F43414611058D1B48F894"
    )
    signature = (
        "06F0607702AA0E2435A183E2F6B1ECD19629712E389A213610C03F77B2590860"
        "EA840AF5C3FA1F2BCDF055D4744E9A01CE9A0E55026BCAA4EEBEB764CED64BB3"
    )
    data = bytes.fromhex(ephemeral + signature)
    assert open_ephemeral(SUITE_1, data, CLIENT_SIGNS.public_key(), b"\x00") == public(ephemeral)
    assert isinstance(open_ephemeral(SUITE_1, data, CLIENT_SIGNS.public_key()), Refused)


@pytest.mark.parametrize(
    ("signer", "ephemeral", "signature"),
    [
        (CLIENT_SIGNS, PUBLIC[CLIENT_EPHEMERAL], EPHEMERAL_SIGNATURE),
        (
            SERVER_SIGNS,
            SERVER_EPHEMERAL,
            SERVER_SIGNATURE,
        ),
    ],
    ids=["client", "server"],
)
def test_general_ciphering_signs_the_ephemeral_key_alone(
    signer: ec.EllipticCurvePrivateKey, ephemeral: str, signature: str
) -> None:
    """Table C.2: nothing stands before the key, not even the scheme."""
    data = bytes.fromhex(ephemeral + signature)
    assert open_ephemeral(SUITE_1, data, signer.public_key()) == public(ephemeral)
    assert verify(SUITE_1, signer.public_key(), b"\x01" + data[:64], data[64:]) is not None


def test_our_own_ephemeral_key_is_signed_so_too() -> None:
    data = signed_ephemeral(SUITE_1, CLIENT_EPHEMERAL, CLIENT_SIGNS)
    assert data[:64].hex().upper() == PUBLIC[CLIENT_EPHEMERAL]
    assert verify(SUITE_1, CLIENT_SIGNS.public_key(), data[:64], data[64:]) is None


def test_the_derived_keys() -> None:
    """Tables C.2 and C.3."""
    one_pass = agree(SUITE_1, SERVER_AGREES, CLIENT_EPHEMERAL.public_key(), originator=U, recipient=V)
    assert one_pass == Secret(bytes.fromhex("59A71FD81C929A86A99438DA17A66C05"))
    for own, other in ((CLIENT_AGREES, SERVER_AGREES), (SERVER_AGREES, CLIENT_AGREES)):
        static = agree(SUITE_1, own, other.public_key(), originator=U, recipient=V, transaction_id=TRANSACTION)
        assert static == Secret(bytes.fromhex("56C46B57DF675515C31025455822514A"))


@pytest.mark.parametrize(
    ("info", "ciphertext"),
    [
        (AgreedKey(b"\x01", bytes.fromhex(PUBLIC[CLIENT_EPHEMERAL] + EPHEMERAL_SIGNATURE)), ONE_PASS_CIPHERTEXT),
        (AgreedKey(b"\x02", b""), STATIC_CIPHERTEXT),
    ],
    ids=["one-pass", "static"],
)
def test_the_access_request_comes_out(info: AgreedKey, ciphertext: str) -> None:
    """Table 41, and that of table C.3."""
    keys = Keys(
        suite=SUITE_1,
        title=V,
        block=Secret(bytes(16)),
        agreement_key=SERVER_AGREES,
        other_signing_key=CLIENT_SIGNS.public_key(),
        other_agreement_key=CLIENT_AGREES.public_key(),
    )
    content = bytes((ENCRYPTED | 1, 0, 0, 0, 0)) + bytes.fromhex(ciphertext)
    opened = unprotect_general(GeneralCiphering(HEADER, info, content).encode(), keys, U)
    assert isinstance(opened, Opened)
    assert (opened.apdu, opened.key, opened.counter) == (ACCESS_REQUEST, KeyUse.TRANSACTION, 0)


def test_the_apdu_is_laid_out_as_in_the_book() -> None:
    """Table 41 from its tag to its security header."""
    info = AgreedKey(b"\x01", bytes.fromhex(PUBLIC[CLIENT_EPHEMERAL] + EPHEMERAL_SIGNATURE))
    content = bytes((PROTECTED | 1, 0, 0, 0, 0)) + bytes.fromhex(ONE_PASS_CIPHERTEXT + "9836002AEA6E7012D2ADFAA7")
    apdu = GeneralCiphering(HEADER, info, content).encode()
    assert len(apdu) == 401
    assert (
        apdu.hex()
        .upper()
        .startswith("DD080102030405060708084D4D4D0000BC614E084D4D4D00000000010000010201018180C323C2BD45711DE4688637D9")
    )
    assert GeneralCiphering.decode(apdu) == GeneralCiphering(HEADER, info, content)
