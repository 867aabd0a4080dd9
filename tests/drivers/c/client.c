/* MariaDB Connector/C or libmysqlclient, asked line by line: see piped_client.py. */
#include <mysql.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 64, CELL = 8192 };

#ifndef MARIADB_BASE_VERSION
typedef bool my_bool;
#endif

static MYSQL *connection;

/* A word of a line: the letter of its type, and its bytes with a NUL behind them. */
struct word {
    char type;
    char *text;
    unsigned long length;
};

static void said(int code, const char *message) {
    printf("no %d s", code);
    for (; *message; message++)
        printf("%02x", (unsigned char)*message);
    printf("\n");
}

static void ended(int failed) {
    if (failed)
        said((int)mysql_errno(connection), mysql_error(connection));
    else
        printf("ok\n");
}

static void cell(const char *bytes, unsigned long length) {
    printf(bytes ? " s" : " n");
    for (unsigned long i = 0; bytes && i < length; i++)
        printf("%02x", (unsigned char)bytes[i]);
}

static struct word decoded(char *word) {
    struct word found = {word[0], word + 1, strlen(word + 1) / 2};
    for (unsigned long i = 0; i < found.length; i++) {
        unsigned byte;
        sscanf(found.text + 2 * i, "%2x", &byte);
        /* It never overtakes what is read. */
        found.text[i] = (char)byte;
    }
    found.text[found.length] = 0;
    return found;
}

static int has(const struct word *options, const char *name) { return strstr(options->text, name) != NULL; }

/* What the two libraries call differently. */
static void secure(const struct word *options, const char *authority) {
    my_bool yes = 1, verify = has(options, "verify") != 0;
#ifdef MARIADB_BASE_VERSION
    if (has(options, "tls"))
        mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#else
    unsigned mode = verify ? SSL_MODE_VERIFY_CA : has(options, "tls") ? SSL_MODE_REQUIRED : SSL_MODE_DISABLED;
    mysql_options(connection, MYSQL_OPT_SSL_MODE, &mode);
    mysql_options(connection, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &yes);
    if (has(options, "zstd"))
        mysql_options(connection, MYSQL_OPT_COMPRESSION_ALGORITHMS, "zstd");
#endif
    if (verify)
        mysql_options(connection, MYSQL_OPT_SSL_CA, authority);
}

static void log_in(struct word *words, int count) {
    struct word *options = &words[6];
    unsigned infile = has(options, "infile") != 0;
    connection = mysql_init(NULL);
    secure(options, words[5].text);
    if (has(options, "compress"))
        mysql_options(connection, MYSQL_OPT_COMPRESS, NULL);
    if (infile)
        mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &infile);
    for (int i = 7; i + 1 < count; i += 2)
        mysql_options4(connection, MYSQL_OPT_CONNECT_ATTR_ADD, words[i].text, words[i + 1].text);
    unsigned long flags = has(options, "multi") ? CLIENT_MULTI_STATEMENTS : 0;
    ended(mysql_real_connect(connection, words[0].text, words[2].text, words[3].text, words[4].text,
                             (unsigned)atoi(words[1].text), NULL, flags) == NULL);
}

static void query(struct word *words) {
    int more = mysql_real_query(connection, words[0].text, words[0].length);
    while (more == 0) {
        MYSQL_RES *found = mysql_store_result(connection);
        MYSQL_ROW row;
        while (found && (row = mysql_fetch_row(found))) {
            unsigned long *lengths = mysql_fetch_lengths(found);
            printf("r");
            for (unsigned i = 0; i < mysql_num_fields(found); i++)
                cell(row[i], lengths[i]);
            printf("\n");
        }
        if (!found && mysql_errno(connection))
            break;
        printf("e %lld\n", found ? 0LL : (long long)mysql_affected_rows(connection));
        mysql_free_result(found);
        more = mysql_next_result(connection);
    }
    ended(mysql_errno(connection) != 0);
}

static void moment(MYSQL_TIME *found, const struct word *word) {
    char fraction[7] = "000000";
    const char *text = word->text, *dot = strchr(text, '.');
    found->neg = *text == '-';
    if (word->type == 't')
        sscanf(text + found->neg, "%u:%u:%u", &found->hour, &found->minute, &found->second);
    else
        sscanf(text, "%u-%u-%u %u:%u:%u", &found->year, &found->month, &found->day, &found->hour, &found->minute,
               &found->second);
    if (dot)
        memcpy(fraction, dot + 1, strnlen(dot + 1, 6));
    found->second_part = strtoul(fraction, NULL, 10);
}

/* What the bytes of a parameter are, as the library wants them. */
union value {
    long long number;
    double real;
    MYSQL_TIME time;
};

static void bind(MYSQL_BIND *bound, union value *value, struct word *word) {
    bound->buffer = value;
    switch (word->type) {
    case 'n':
        bound->buffer_type = MYSQL_TYPE_NULL;
        break;
    case 'i':
        bound->buffer_type = MYSQL_TYPE_LONGLONG;
        value->number = atoll(word->text);
        break;
    case 'u':
        bound->buffer_type = MYSQL_TYPE_LONGLONG;
        bound->is_unsigned = 1;
        value->number = (long long)strtoull(word->text, NULL, 10);
        break;
    case 'd':
        bound->buffer_type = MYSQL_TYPE_DOUBLE;
        value->real = atof(word->text);
        break;
    case 'D':
    case 'T':
    case 't':
        bound->buffer_type = word->type == 'D'   ? MYSQL_TYPE_DATE
                             : word->type == 'T' ? MYSQL_TYPE_DATETIME
                                                 : MYSQL_TYPE_TIME;
        moment(&value->time, word);
        break;
    default:
        bound->buffer_type = word->type == 'b' ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
        bound->buffer = word->text;
        bound->buffer_length = word->length;
        bound->length = &word->length;
    }
}

static int rows(MYSQL_STMT *statement) {
    unsigned columns = mysql_stmt_field_count(statement);
    MYSQL_BIND *bound = calloc(columns + 1, sizeof *bound);
    unsigned long *lengths = calloc(columns + 1, sizeof *lengths);
    my_bool *nulls = calloc(columns + 1, sizeof *nulls);
    char *cells = malloc((size_t)CELL * (columns + 1));
    for (unsigned i = 0; i < columns; i++)
        bound[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING, .buffer = cells + (size_t)CELL * i,
                                .buffer_length = CELL, .length = &lengths[i], .is_null = &nulls[i]};
    int got = columns && mysql_stmt_bind_result(statement, bound);
    while (columns && !got && (got = mysql_stmt_fetch(statement)) != MYSQL_NO_DATA && got != 1) {
        got = 0;
        printf("r");
        for (unsigned i = 0; i < columns; i++)
            cell(nulls[i] ? NULL : bound[i].buffer, lengths[i] < CELL ? lengths[i] : CELL);
        printf("\n");
    }
    free(bound);
    free(lengths);
    free(nulls);
    free(cells);
    return got == 1;
}

/* Parameters are bound as what they are; so many rows at a time come through a cursor. */
static void prepared(struct word *words, int count, unsigned long size) {
    MYSQL_STMT *statement = mysql_stmt_init(connection);
    MYSQL_BIND bound[WORDS] = {0};
    union value values[WORDS] = {0};
    unsigned long kind = CURSOR_TYPE_READ_ONLY;
    for (int i = 1; i < count; i++)
        bind(&bound[i - 1], &values[i - 1], &words[i]);
    if (size) {
        mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &kind);
        mysql_stmt_attr_set(statement, STMT_ATTR_PREFETCH_ROWS, &size);
    }
    int failed = mysql_stmt_prepare(statement, words[0].text, words[0].length) ||
                 (count > 1 && mysql_stmt_bind_param(statement, bound)) || mysql_stmt_execute(statement) ||
                 rows(statement);
    if (failed) {
        said((int)mysql_stmt_errno(statement), mysql_stmt_error(statement));
    } else {
        long long written = (long long)mysql_stmt_affected_rows(statement);
        printf("e %lld\nok\n", written < 0 ? 0 : written);
    }
    mysql_stmt_close(statement);
}

static void done(const char *verb, struct word *words, int count) {
    if (!strcmp(verb, "connect"))
        log_in(words, count);
    else if (!strcmp(verb, "query"))
        query(words);
    else if (!strcmp(verb, "prepared"))
        prepared(words, count, 0);
    else if (!strcmp(verb, "cursor"))
        prepared(words, 1, strtoul(words[1].text, NULL, 10));
    else if (!strcmp(verb, "ping"))
        ended(mysql_ping(connection));
    else if (!strcmp(verb, "reset"))
        ended(mysql_reset_connection(connection));
    else if (!strcmp(verb, "change_user"))
        ended(mysql_change_user(connection, words[0].text, words[1].text, words[2].text));
    else if (!strcmp(verb, "close")) {
        mysql_close(connection);
        printf("ok\n");
    } else
        said(-1, verb);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    while (getline(&line, &room, stdin) > 0) {
        struct word words[WORDS];
        int count = 0;
        char *verb = strtok(line, " \n");
        for (char *word; count < WORDS && (word = strtok(NULL, " \n"));)
            words[count++] = decoded(word);
        if (verb)
            done(verb, words, count);
        fflush(stdout);
    }
    free(line);
    return 0;
}
