/* A disk that keeps, at a power cut, what was synced and nothing else.
 *
 * Preloaded into the process that writes: whenever it syncs a file below $POWER_CUT_FOLDER, the file is copied to its
 * place below $POWER_CUT_DISK before the call returns. Killed then, what is there is what the disk would have had. A
 * copy is made aside and renamed, so that the kill itself tears nothing. `sync_file_range` is no barrier and keeps
 * nothing, as on Linux.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
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

static void keep(int file) {
    const char *folder = getenv("POWER_CUT_FOLDER"), *disk = getenv("POWER_CUT_DISK");
    char path[PATH_MAX], to[PATH_MAX];
    struct stat about;
    if (!folder || !disk) return;
    path_of(file, path);
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0 || fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return;
    snprintf(to, sizeof to, "%s%s", disk, path + length);
    pthread_mutex_lock(&copying);
    make_folders(to);
    copy(path, to);
    pthread_mutex_unlock(&copying);
}

typedef int sync_call(int);

int fdatasync(int file) {
    int result = ((sync_call *)dlsym(RTLD_NEXT, "fdatasync"))(file);
    if (result == 0) keep(file);
    return result;
}

int fsync(int file) {
    int result = ((sync_call *)dlsym(RTLD_NEXT, "fsync"))(file);
    if (result == 0) keep(file);
    return result;
}
