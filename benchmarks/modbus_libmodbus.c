/* The floor in C: libmodbus serving 10 holding registers to any number of connections. */

#include <modbus.h>
#include <stdio.h>
#include <sys/select.h>
#include <unistd.h>

int main(void)
{
    modbus_t *line = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 128, 128);
    int listener = modbus_tcp_listen(line, 100), most = listener, each, length;
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    fd_set known, ready;

    printf("%d\n", listener);
    fflush(stdout);
    FD_ZERO(&known);
    FD_SET(listener, &known);
    for (;;) {
        ready = known;
        if (select(most + 1, &ready, NULL, NULL, NULL) < 0)
            return 1;
        for (each = 0; each <= most; each++) {
            if (!FD_ISSET(each, &ready))
                continue;
            if (each == listener) {
                int connection = modbus_tcp_accept(line, &listener);
                FD_SET(connection, &known);
                most = connection > most ? connection : most;
                continue;
            }
            modbus_set_socket(line, each);
            length = modbus_receive(line, query);
            if (length > 0)
                modbus_reply(line, query, length, map);
            else if (length < 0) {
                close(each);
                FD_CLR(each, &known);
            }
        }
    }
}
