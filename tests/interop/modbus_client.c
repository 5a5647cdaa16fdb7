/* A client of libmodbus for the tests: takes commands on standard input, one a line, and prints one line for each.

   r UNIT FUNCTION ADDRESS COUNT     registers as hexadecimal, or bits as digits
   w UNIT FUNCTION ADDRESS VALUE...  "ok"
   Whatever goes wrong is printed as libmodbus says it. */

#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(int result, int wanted)
{
    if (result == wanted)
        puts("ok");
    else
        printf("error: %s\n", modbus_strerror(errno));
}

static void read_command(modbus_t *line, int function, int address, int count)
{
    uint16_t words[MODBUS_MAX_READ_REGISTERS];
    uint8_t bits[MODBUS_MAX_READ_BITS];
    int result = -1, i;

    if (function == 1)
        result = modbus_read_bits(line, address, count, bits);
    else if (function == 2)
        result = modbus_read_input_bits(line, address, count, bits);
    else if (function == 3)
        result = modbus_read_registers(line, address, count, words);
    else if (function == 4)
        result = modbus_read_input_registers(line, address, count, words);
    if (result != count) {
        printf("error: %s\n", modbus_strerror(errno));
        return;
    }
    for (i = 0; i < count; i++)
        if (function < 3)
            printf("%d", bits[i]);
        else
            printf("%04x", words[i]);
    puts("");
}

static void write_command(modbus_t *line, int function, int address, char *rest)
{
    uint16_t words[MODBUS_MAX_WRITE_REGISTERS];
    int count = 0;
    char *word;

    for (word = strtok(rest, " \n"); word && count < MODBUS_MAX_WRITE_REGISTERS; word = strtok(NULL, " \n"))
        words[count++] = (uint16_t)strtol(word, NULL, 0);
    if (function == 5)
        answer(modbus_write_bit(line, address, words[0]), 1);
    else if (function == 6)
        answer(modbus_write_register(line, address, words[0]), 1);
    else
        answer(modbus_write_registers(line, address, count, words), count);
}

int main(int argc, char **argv)
{
    char text[4096], what, *rest;
    int unit, function, address, used;
    modbus_t *line;

    if (argc != 4)
        return 2;
    if (strcmp(argv[1], "tcp") == 0)
        line = modbus_new_tcp(argv[2], atoi(argv[3]));
    else
        line = modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
    if (line == NULL || modbus_connect(line) == -1) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    modbus_set_response_timeout(line, 5, 0);
    while (fgets(text, sizeof text, stdin)) {
        if (sscanf(text, "%c %d %d %i%n", &what, &unit, &function, &address, &used) != 4)
            return 2;
        rest = text + used;
        modbus_set_slave(line, unit);
        if (what == 'r')
            read_command(line, function, address, atoi(rest));
        else
            write_command(line, function, address, rest);
    }
    modbus_close(line);
    modbus_free(line);
    return 0;
}
