/* Drives a fuzz target without libFuzzer: replays every file it is given, then mutates them blindly.
 * usage: target [-rounds=N] [-seed=S] FILE... */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 4096, MOST_BYTES = 1 << 20, CHAIN = 4 };

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct { uint8_t *data; size_t size; } files[MOST_FILES];
static int n_files;
static uint64_t state = 1;

static size_t below(size_t n) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return n ? (size_t)(state >> 33) % n : 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
    static const char *const PARTS[] = {"$", "%", "-", "1", "9", ",", ".", " ", "e9", "(", ")", "/", ":", "T", "late ", "good", "Mar ",
                                        "2024", "\xE2\x82\xAC", "\xC2\xA0", "\xFF", "\n", "AM", "+01:00"};
    const char *part = PARTS[below(sizeof PARTS / sizeof *PARTS)];
    size_t n = strlen(part), at = below(size + 1);
    switch (below(4)) {
    case 0:
        if (size) data[at % size] = (uint8_t)below(256);
        break;
    case 1:
        if (size) data[at % size] ^= (uint8_t)(1u << below(8));
        break;
    case 2:
        if (size + n > max_size) break;
        memmove(data + at + n, data + at, size - at);
        memcpy(data + at, part, n);
        size += n;
        break;
    default:
        n = below(8);
        if (at + n > size) break;
        memmove(data + at, data + at + n, size - at - n);
        size -= n;
    }
    return size;
}

static void read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(MOST_BYTES);
    if (!file || !data || n_files == MOST_FILES) harness_fail(path);
    files[n_files].size = fread(data, 1, MOST_BYTES, file);
    files[n_files].data = realloc(data, files[n_files].size + 1);
    n_files++;
    fclose(file);
}

/* Rounds of damage: each file is damaged further a few times over, and then taken whole again. */
static void mutate(long rounds) {
    uint8_t *data = malloc(MOST_BYTES);
    size_t size = 0;
    for (long i = 0; i < rounds && n_files; i++) {
        if (i % CHAIN == 0) {
            size_t pick = below((size_t)n_files);
            size = files[pick].size;
            memcpy(data, files[pick].data, size);
        }
        size = LLVMFuzzerCustomMutator(data, size, MOST_BYTES, (unsigned int)below(UINT32_MAX));
        LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
}

int main(int argc, char **argv) {
    long rounds = 0;
    if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "-rounds=", 8)) rounds = atol(argv[i] + 8);
        else if (!strncmp(argv[i], "-seed=", 6)) state = strtoull(argv[i] + 6, NULL, 10);
        else read_file(argv[i]);
    }
    for (int i = 0; i < n_files; i++) LLVMFuzzerTestOneInput(files[i].data, files[i].size);
    mutate(rounds);
    for (int i = 0; i < n_files; i++) free(files[i].data);
    printf("%d files, %ld mutations, %ld records scored\n", n_files, rounds, harness_scored);
    return 0;
}
