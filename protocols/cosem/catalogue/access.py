"""Interface classes for access control and management: 12, 15, 17, 18, 30, 64, 124."""

from typing import Final

from protocols.cosem.interface_class import InterfaceClass, interface_class

OBJECT_ELEMENT: Final = (
    "structure<class_id: long-unsigned, version: unsigned, logical_name: logical-name, access_rights: structure<"
    "attribute_access: array<structure<attribute_id: integer, access_mode: enum, "
    "access_selectors: null-data | array<integer>>>, "
    "method_access: array<structure<method_id: integer, access_mode: boolean | enum>>>>"
)
_PARTNERS: Final = "structure<client_SAP: integer, server_SAP: long-unsigned>"
_CONTEXT_NAME: Final = (
    "structure<joint_iso_ctt_element: unsigned, country_element: unsigned, country_name_element: long-unsigned, "
    "identified_organization_element: unsigned, DLMS_UA_element: unsigned, application_context_element: unsigned, "
    "context_id_element: unsigned> | octet-string"
)
_MECHANISM_NAME: Final = (
    "structure<joint_iso_ctt_element: unsigned, country_element: unsigned, country_name_element: long-unsigned, "
    "identified_organization_element: unsigned, DLMS_UA_element: unsigned, "
    "authentication_mechanism_name_element: unsigned, mechanism_id_element: unsigned> | octet-string"
)
_XDLMS_CONTEXT: Final = (
    "structure<conformance: bit-string, max_receive_pdu_size: long-unsigned, max_send_pdu_size: long-unsigned, "
    "dlms_version_number: unsigned, quality_of_service: integer, cyphering_info: octet-string>"
)
_USER: Final = "structure<user_id: unsigned, user_name: visible-string>"
_SN_OBJECT: Final = "structure<base_name: long, class_id: long-unsigned, version: unsigned, logical_name: logical-name>"
_SN_ACCESS: Final = (
    "structure<base_name: long, attribute_access: array<structure<attribute_id: integer, access_mode: enum, "
    "access_selectors: null-data | array<integer>>>, "
    "method_access: array<structure<method_id: integer, access_mode: boolean | enum>>>"
)
_LN_ATTRIBUTES: Final = (
    f"object_list: array<{OBJECT_ELEMENT}> [1, 2, 3, 4]",
    f"associated_partners_id: {_PARTNERS}",
    f"application_context_name: {_CONTEXT_NAME}",
    f"xDLMS_context_info: {_XDLMS_CONTEXT}",
    f"authentication_mechanism_name: {_MECHANISM_NAME}",
    "secret: octet-string",
    "association_status: enum",
)
_LN_METHODS: Final = (
    "reply_to_HLS_authentication: octet-string",
    "change_HLS_secret: octet-string",
    f"add_object: {OBJECT_ELEMENT}",
    f"remove_object: {OBJECT_ELEMENT}",
)
_LN_USERS: Final = (
    f"user_list: array<{_USER}>",
    f"current_user: {_USER} | structure<user_id: null-data, user_name: null-data>",
)
_SAP: Final = "structure<SAP: long-unsigned, logical_device_name: octet-string | visible-string>"
_KEY: Final = "structure<key_id: enum, key_wrapped: octet-string>"
_KEY_AGREEMENT: Final = "structure<key_id: enum, key_data: octet-string>"
_CERTIFICATE: Final = (
    "structure<certificate_entity: enum, certificate_type: enum, serial_number: octet-string, issuer: octet-string, "
    "subject: octet-string, subject_alt_name: octet-string>"
)
_CERTIFICATE_ID: Final = "structure<certificate_identification_type: enum, certificate_identification_options: any>"
_PROTECTION: Final = "array<structure<protection_type: enum, protection_options: any>>"
_PROTECTED_OBJECT: Final = (
    "structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer, "
    "data_index: long-unsigned, restriction: structure<restriction_type: enum, restriction_value: any>>"
)

CLASSES: Final[tuple[InterfaceClass, ...]] = (
    interface_class(
        12,
        4,
        "Association SN",
        [
            f"object_list: array<{_SN_OBJECT}> [1, 2, 3]",
            f"access_rights_list: array<{_SN_ACCESS}> [1, 2]",
            "security_setup_reference: logical-name",
            f"user_list: array<{_USER}>",
            f"current_user: {_USER}",
        ],
        [
            (
                "3 read_by_logicalname: array<structure<class_id: long-unsigned, logical_name: logical-name, "
                "attribute_index: integer>>"
            ),
            "5 change_secret: octet-string",
            "8 reply_to_HLS_authentication: octet-string",
            f"9 add_user: {_USER}",
            f"10 remove_user: {_USER}",
        ],
        behaves=True,
    ),
    interface_class(15, 0, "Association LN", _LN_ATTRIBUTES, _LN_METHODS, behaves=True),
    interface_class(
        15,
        1,
        "Association LN",
        [*_LN_ATTRIBUTES, "security_setup_reference: logical-name"],
        _LN_METHODS,
        behaves=True,
    ),
    *(
        interface_class(
            15,
            version,
            "Association LN",
            [*_LN_ATTRIBUTES, "security_setup_reference: logical-name", *_LN_USERS],
            [*_LN_METHODS, f"add_user: {_USER}", f"remove_user: {_USER}"],
            behaves=True,
        )
        for version in (2, 3)
    ),
    interface_class(
        17,
        0,
        "SAP assignment",
        [f"SAP_assignment_list: array<{_SAP}>"],
        [
            f"connect_logical_device: {_SAP}",
        ],
        behaves=True,
    ),
    interface_class(
        18,
        0,
        "Image transfer",
        [
            "image_block_size: double-long-unsigned",
            "image_transferred_blocks_status: bit-string",
            "image_first_not_transferred_block_number: double-long-unsigned",
            "image_transfer_enabled: boolean",
            "image_transfer_status: enum",
            (
                "image_to_activate_info: array<structure<image_size: double-long-unsigned, "
                "image_identification: octet-string, image_signature: octet-string>>"
            ),
        ],
        [
            "image_transfer_initiate: structure<image_identifier: octet-string, image_size: double-long-unsigned>",
            (
                "image_block_transfer: structure<image_block_number: double-long-unsigned, "
                "image_block_value: octet-string>"
            ),
            "image_verify: integer",
            "image_activate: integer",
        ],
        behaves=True,
    ),
    interface_class(
        30,
        0,
        "COSEM data protection",
        [
            "protection_buffer: octet-string",
            f"protection_object_list: array<{_PROTECTED_OBJECT}>",
            f"protection_parameters_get: {_PROTECTION}",
            f"protection_parameters_set: {_PROTECTION}",
            "required_protection: enum",
        ],
        [
            "get_protected_attributes: any",
            "set_protected_attributes: any",
            "invoke_protected_method: any",
        ],
    ),
    interface_class(
        64,
        0,
        "Security setup",
        [
            "security_policy: enum",
            "security_suite: enum",
            "client_system_title: octet-string",
            "server_system_title: octet-string",
        ],
        ["security_activate: enum", f"key_transfer: array<{_KEY}>"],
        behaves=True,
    ),
    interface_class(
        64,
        1,
        "Security setup",
        [
            "security_policy: enum",
            "security_suite: enum",
            "client_system_title: octet-string",
            "server_system_title: octet-string",
            f"certificates: array<{_CERTIFICATE}>",
        ],
        [
            "security_activate: enum",
            f"key_transfer: array<{_KEY}>",
            f"key_agreement: array<{_KEY_AGREEMENT}>",
            "generate_key_pair: enum",
            "generate_certificate_request: enum",
            "import_certificate: octet-string",
            f"export_certificate: {_CERTIFICATE_ID}",
            f"remove_certificate: {_CERTIFICATE_ID}",
        ],
        behaves=True,
    ),
    interface_class(
        124,
        0,
        "Communication port protection",
        [
            "protection_mode: enum",
            "allowed_failed_attempts: long-unsigned",
            "initial_lockout_time: double-long-unsigned",
            "steepness_factor: unsigned",
            "max_lockout_time: double-long-unsigned",
            "port_reference: logical-name",
            "protection_status: enum",
            "failed_attempts: double-long-unsigned",
            "cumulative_failed_attempts: double-long-unsigned",
        ],
        ["reset"],
    ),
)
