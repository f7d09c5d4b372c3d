/* A disk that keeps, at a power cut, what was synced and nothing else.
 *
 * Preloaded into the process that writes: whenever it syncs a file below $POWER_CUT_FOLDER, the file is copied to its
 * place below $POWER_CUT_DISK before the call returns. Killed then, what is there is what the disk would have had. A
 * copy is made aside and renamed, so that the kill itself tears nothing. `sync_file_range` is no barrier and keeps
 * nothing, as on Linux.
 *
 * With $POWER_CUT_WRITE_ERRORS=n, one in n writes to the store's file fails with EIO, and with $POWER_CUT_SYNC_ERRORS=n one
 * in n syncs. As on Linux, a file whose sync failed counts as written from then on, and nothing more of it is kept.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t copying = PTHREAD_MUTEX_INITIALIZER;

/* The path of an open file, or an empty string. */
static void path_of(int file, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

static void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void copy(const char *from, const char *to) {
    char aside[PATH_MAX], buffer[1 << 16];
    snprintf(aside, sizeof aside, "%s.aside", to);
    int in = open(from, O_RDONLY), out = open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (ssize_t count; in >= 0 && out >= 0 && (count = read(in, buffer, sizeof buffer)) > 0;)
        if (write(out, buffer, count) != count) abort();
    close(in);
    close(out);
    rename(aside, to);
}

static int has_failed(int file);

static void keep(int file) {
    const char *folder = getenv("POWER_CUT_FOLDER"), *disk = getenv("POWER_CUT_DISK");
    char path[PATH_MAX], to[PATH_MAX];
    struct stat about;
    if (!folder || !disk) return;
    path_of(file, path);
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0 || fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return;
    if (has_failed(file)) return;
    snprintf(to, sizeof to, "%s%s", disk, path + length);
    pthread_mutex_lock(&copying);
    make_folders(to);
    copy(path, to);
    pthread_mutex_unlock(&copying);
}

/* The files whose sync failed. */
static ino_t failed[256];
static int failures;

static int has_failed(int file) {
    struct stat about;
    if (fstat(file, &about) != 0) return 0;
    for (int i = 0; i < failures; i++)
        if (failed[i] == about.st_ino) return 1;
    return 0;
}

/* Whether this call, the one in so many that the variable says, fails. Only for the store's own file. */
static int is_to_fail(int file, const char *variable, unsigned *calls) {
    const char *one_in = getenv(variable), *folder = getenv("POWER_CUT_FOLDER");
    char path[PATH_MAX];
    if (!one_in || !folder) return 0;
    path_of(file, path);
    size_t length = strlen(path);
    if (strncmp(path, folder, strlen(folder)) != 0 || length < 8 || strcmp(path + length - 8, "/sled/db") != 0) return 0;
    return __sync_add_and_fetch(calls, 1) % atoi(one_in) == 0;
}

typedef int sync_call(int);

int fdatasync(int file) {
    static unsigned calls;
    if (is_to_fail(file, "POWER_CUT_SYNC_ERRORS", &calls)) {
        struct stat about;
        pthread_mutex_lock(&copying);
        if (failures < 256 && fstat(file, &about) == 0) failed[failures++] = about.st_ino;
        pthread_mutex_unlock(&copying);
        errno = EIO;
        return -1;
    }
    int result = ((sync_call *)dlsym(RTLD_NEXT, "fdatasync"))(file);
    if (result == 0) keep(file);
    return result;
}

typedef ssize_t write_call(int, const void *, size_t, off64_t);

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    static unsigned calls;
    if (is_to_fail(file, "POWER_CUT_WRITE_ERRORS", &calls)) {
        errno = EIO;
        return -1;
    }
    return ((write_call *)dlsym(RTLD_NEXT, "pwrite64"))(file, bytes, count, at);
}

int fsync(int file) {
    int result = ((sync_call *)dlsym(RTLD_NEXT, "fsync"))(file);
    if (result == 0) keep(file);
    return result;
}
