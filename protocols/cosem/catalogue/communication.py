"""Interface classes for communication: 19, 23 to 25, 27 to 29, 40 to 48, 72."""

from typing import Final

from protocols.cosem.interface_class import InterfaceClass, interface_class

_PPP_OPTION: Final = "structure<option_type: unsigned, option_length: unsigned, option_data: any>"
_QUALITY_OF_SERVICE: Final = (
    "structure<precedence: unsigned, delay: unsigned, reliability: unsigned, peak_throughput: unsigned, "
    "mean_throughput: unsigned>"
)
_WINDOW: Final = "structure<start_time: octet-date-time, end_time: octet-date-time>"
_DESTINATION: Final = "structure<transport_service: enum, destination: octet-string, message: enum>"
_PUSH_OBJECT: Final = (
    "structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer, "
    "data_index: long-unsigned>"
)
_PUSH_OBJECT_2: Final = (
    "structure<class_id: long-unsigned, logical_name: logical-name, attribute_index: integer, "
    "data_index: long-unsigned, restriction: structure<restriction_type: enum, restriction_value: any>, "
    f"columns: array<{_PUSH_OBJECT}>>"
)
_PUSH_ATTRIBUTES: Final = (
    f"send_destination_and_method: {_DESTINATION}",
    f"communication_window: array<{_WINDOW}>",
    "randomisation_start_interval: long-unsigned",
    "number_of_retries: unsigned",
)
_PUSH_PORT: Final = (
    "port_reference: logical-name",
    "push_client_SAP: integer",
    "push_protection_parameters: array<structure<protection_type: enum, protection_options: any>>",
)


def _gsm_attributes(cell_id: str, more: str) -> list[str]:
    """Later versions have longer cell identities and say which network and channel; 2 differs from 1 in enum values."""
    cell = f"cell_ID: {cell_id}, location_ID: long-unsigned, signal_quality: unsigned, ber: unsigned{more}"
    return [
        "operator: visible-string",
        "status: enum",
        "cs_attachment: enum",
        "ps_status: enum",
        f"cell_info: structure<{cell}>",
        f"adjacent_cells: array<structure<cell_ID: {cell_id}, signal_quality: unsigned>>",
        "capture_time: date-time",
    ]


CLASSES: Final[tuple[InterfaceClass, ...]] = (
    interface_class(
        19,
        1,
        "IEC local port setup",
        [
            "default_mode: enum",
            "default_baud: enum",
            "prop_baud: enum",
            "response_time: enum",
            "device_addr: octet-string",
            "pass_p1: octet-string",
            "pass_p2: octet-string",
            "pass_w5: octet-string",
        ],
        behaves=True,
    ),
    interface_class(
        23,
        1,
        "IEC HDLC setup",
        [
            "comm_speed: enum",
            "window_size_transmit: unsigned",
            "window_size_receive: unsigned",
            "max_info_field_length_transmit: long-unsigned",
            "max_info_field_length_receive: long-unsigned",
            "inter_octet_time_out: long-unsigned",
            "inactivity_time_out: long-unsigned",
            "device_address: long-unsigned",
        ],
        behaves=True,
    ),
    interface_class(
        24,
        1,
        "IEC twisted pair (1) setup",
        ["mode: enum", "comm_speed: enum", "primary_address_list: array<unsigned>", "tabi_list: array<integer>"],
    ),
    interface_class(
        25,
        0,
        "M-Bus slave port setup",
        ["default_baud: enum", "avail_baud: enum", "addr_state: enum", "bus_address: unsigned"],
    ),
    interface_class(
        27,
        1,
        "Modem configuration",
        [
            "comm_speed: enum",
            (
                "initialization_string: array<structure<request: octet-string, response: octet-string, "
                "delay_after_response: long-unsigned>>"
            ),
            "modem_profile: array<octet-string>",
        ],
    ),
    interface_class(
        28,
        2,
        "Auto answer",
        [
            "mode: enum",
            f"listening_window: array<{_WINDOW}>",
            "status: enum",
            "number_of_calls: unsigned",
            "number_of_rings: structure<nr_rings_in_window: unsigned, nr_rings_out_of_window: unsigned>",
            "list_of_allowed_callers: array<structure<caller_id: octet-string, call_type: enum>>",
        ],
    ),
    interface_class(
        29,
        2,
        "Auto connect",
        [
            "mode: enum",
            "repetitions: unsigned",
            "repetition_delay: long-unsigned",
            f"calling_window: array<{_WINDOW}>",
            "destination_list: array<octet-string>",
        ],
        ["connect"],
    ),
    interface_class(
        40,
        0,
        "Push setup",
        [f"push_object_list: array<{_PUSH_OBJECT}>", *_PUSH_ATTRIBUTES, "repetition_delay: long-unsigned"],
        ["push"],
        behaves=True,
    ),
    interface_class(
        40,
        1,
        "Push setup",
        [
            f"push_object_list: array<{_PUSH_OBJECT}>",
            *_PUSH_ATTRIBUTES,
            "repetition_delay: long-unsigned",
            *_PUSH_PORT,
        ],
        ["push"],
        behaves=True,
    ),
    interface_class(
        40,
        2,
        "Push setup",
        [
            f"push_object_list: array<{_PUSH_OBJECT_2}>",
            *_PUSH_ATTRIBUTES,
            (
                "repetition_delay: structure<repetition_delay_min: long-unsigned, "
                "repetition_delay_exponent: long-unsigned, repetition_delay_max: long-unsigned>"
            ),
            *_PUSH_PORT,
            "push_operation_method: enum",
            (
                "confirmation_parameters: structure<confirmation_start_date: date-time, "
                "confirmation_interval: double-long-unsigned>"
            ),
            "last_confirmation_date_time: date-time",
        ],
        ["push", "reset"],
        behaves=True,
    ),
    interface_class(
        41,
        0,
        "TCP-UDP setup",
        [
            "TCP-UDP_port: long-unsigned",
            "IP_reference: logical-name",
            "MSS: long-unsigned",
            "nb_of_sim_conn: unsigned",
            "inactivity_time_out: long-unsigned",
        ],
        behaves=True,
    ),
    interface_class(
        42,
        0,
        "IPv4 setup",
        [
            "DL_reference: logical-name",
            "IP_address: double-long-unsigned",
            "multicast_IP_address: array<double-long-unsigned>",
            (
                "IP_options: array<structure<IP_option_type: unsigned, IP_option_length: unsigned, "
                "IP_option_data: octet-string>>"
            ),
            "subnet_mask: double-long-unsigned",
            "gateway_IP_address: double-long-unsigned",
            "use_DHCP_flag: boolean",
            "primary_DNS_address: double-long-unsigned",
            "secondary_DNS_address: double-long-unsigned",
        ],
        [
            "add_mc_IP_address: double-long-unsigned",
            "delete_mc_IP_address: double-long-unsigned",
            "get_nbof_mc_IP_addresses",
        ],
        behaves=True,
    ),
    interface_class(43, 0, "MAC address setup", ["MAC_address: octet-string"], behaves=True),
    interface_class(
        44,
        0,
        "PPP setup",
        [
            "PHY_reference: logical-name",
            f"LCP_options: array<{_PPP_OPTION}>",
            f"IPCP_options: array<{_PPP_OPTION}>",
            "PPP_authentication: any",
        ],
    ),
    interface_class(
        45,
        0,
        "GPRS modem setup",
        [
            "APN: octet-string",
            "PIN_code: long-unsigned",
            f"quality_of_service: structure<default: {_QUALITY_OF_SERVICE}, requested: {_QUALITY_OF_SERVICE}>",
        ],
        behaves=True,
    ),
    interface_class(
        46,
        0,
        "SMTP setup",
        [
            "server_port: long-unsigned",
            "user_name: octet-string",
            "login_password: octet-string",
            "server_address: octet-string",
            "sender_address: octet-string",
        ],
    ),
    interface_class(47, 0, "GSM diagnostic", _gsm_attributes("long-unsigned", ""), behaves=True),
    *(
        interface_class(
            47,
            version,
            "GSM diagnostic",
            _gsm_attributes(
                "double-long-unsigned", ", mcc: long-unsigned, mnc: long-unsigned, channel_number: double-long-unsigned"
            ),
            behaves=True,
        )
        for version in (1, 2)
    ),
    interface_class(
        48,
        0,
        "IPv6 setup",
        [
            "DL_reference: logical-name",
            "address_config_mode: enum",
            "unicast_IPv6_addresses: array<octet-string>",
            "multicast_IPv6_addresses: array<octet-string>",
            "gateway_IPv6_addresses: array<octet-string>",
            "primary_DNS_address: octet-string",
            "secondary_DNS_address: octet-string",
            "traffic_class: unsigned",
            (
                "neighbor_discovery_setup: array<structure<max_retry: unsigned, retry_wait_time: long-unsigned, "
                "send_period: double-long-unsigned>>"
            ),
        ],
        [
            "add_IPv6_address: structure<IPv6_address_type: enum, IPv6_address: octet-string>",
            "remove_IPv6_address: structure<IPv6_address_type: enum, IPv6_address: octet-string>",
        ],
        behaves=True,
    ),
    interface_class(
        72,
        1,
        "M-Bus client",
        [
            "mbus_port_reference: logical-name",
            (
                "capture_definition: array<structure<data_information_block: octet-string, "
                "value_information_block: octet-string>>"
            ),
            "capture_period: double-long-unsigned",
            "primary_address: unsigned",
            "identification_number: double-long-unsigned",
            "manufacturer_id: long-unsigned",
            "version: unsigned",
            "device_type: unsigned",
            "access_number: unsigned",
            "status: unsigned",
            "alarm: unsigned",
            "configuration: long-unsigned",
            "encryption_key_status: enum",
        ],
        [
            "slave_install: unsigned",
            "slave_deinstall",
            "capture",
            "reset_alarm",
            "synchronize_clock",
            (
                "data_send: array<structure<data_information_block: octet-string, "
                "value_information_block: octet-string, data: any>>"
            ),
            "set_encryption_key: octet-string",
            "transfer_key: octet-string",
        ],
    ),
)
