/* Preloaded into a server: every TLS context it makes writes its secrets to the file named by HANDSHARK_KEYLOG.
 * The two OpenSSL functions are declared here so that no OpenSSL headers are needed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void log_line(const void *ssl, const char *line) {
    const char *path = getenv("HANDSHARK_KEYLOG");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0644) : -1;
    struct iovec parts[2] = {{(void *)line, strlen(line)}, {"\n", 1}};
    (void)ssl;
    if (file < 0) return;
    (void)!writev(file, parts, 2); /* one call: lines of two threads never mix */
    close(file);
}

static void *logged(void *context) {
    void (*set)(void *, void (*)(const void *, const char *)) = dlsym(RTLD_NEXT, "SSL_CTX_set_keylog_callback");
    if (context && set) set(context, log_line);
    return context;
}

void *SSL_CTX_new(const void *method) {
    void *(*make)(const void *) = (void *(*)(const void *))dlsym(RTLD_NEXT, "SSL_CTX_new");
    return logged(make ? make(method) : NULL);
}

void *SSL_CTX_new_ex(void *library, const char *query, const void *method) {
    void *(*make)(void *, const char *, const void *) = dlsym(RTLD_NEXT, "SSL_CTX_new_ex");
    return logged(make ? make(library, query, method) : NULL);
}
