/* Preloaded into MariaDB: PAM reads its services from HANDSHARK_PAM_DIR, so that nothing is written to /etc/pam.d. */
#include <dlfcn.h>
#include <stdlib.h>

int pam_start(const char *service, const char *user, const void *conversation, void **handle) {
    /* The plugin loads libpam privately: it is found by its name only, not with RTLD_NEXT. */
    void *library = dlopen("libpam.so.0", RTLD_LAZY);
    int (*start)(const char *, const char *, const void *, const char *, void **) =
        library ? (int (*)(const char *, const char *, const void *, const char *, void **))dlsym(
                      library, "pam_start_confdir")
                : NULL;
    return start ? start(service, user, conversation, getenv("HANDSHARK_PAM_DIR"), handle) : 4 /* PAM_SYSTEM_ERR */;
}
