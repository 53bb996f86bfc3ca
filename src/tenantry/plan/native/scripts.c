/* Words in any script: the rules of tenantry/plan/scripts.py. */
#include "plan.h"
#include "scripts.h"

#include <string.h>

#define BROKEN 0x110000u    /* a byte that begins no character: it stands for itself */

static uint32_t decode(const char *s, size_t n, size_t *bytes) {
    const unsigned char *u = (const unsigned char *)s;
    const size_t length = u[0] < 0x80 ? 1 : u[0] >> 5 == 6 ? 2 : u[0] >> 4 == 14 ? 3 : u[0] >> 3 == 30 ? 4 : 0;
    uint32_t c;
    *bytes = 1;
    if (!length || length > n) return BROKEN;
    if (length == 1) return u[0];
    c = u[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (u[i] >> 6 != 2) return BROKEN;
        c = c << 6 | (u[i] & 63u);
    }
    *bytes = length;
    return c;
}

static size_t encode(uint32_t c, char to[4]) {
    if (c < 0x80) return to[0] = (char)c, 1;
    if (c < 0x800) return to[0] = (char)(0xC0 | c >> 6), to[1] = (char)(0x80 | (c & 63)), 2;
    to[0] = (char)(0xE0 | c >> 12);    /* no letter with a case is beyond U+FFFF here */
    to[1] = (char)(0x80 | (c >> 6 & 63));
    to[2] = (char)(0x80 | (c & 63));
    return 3;
}

static int within(uint32_t c, const uint32_t ranges[][2], size_t n) {
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > ranges[middle][1]) low = middle + 1;
        else high = middle;
    }
    return low < n && c >= ranges[low][0];
}

static int is_unspaced(uint32_t c) { return c >= UNSPACED[0][0] && within(c, UNSPACED, sizeof UNSPACED / sizeof *UNSPACED); }

static int in_word(uint32_t c) {
    if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    return !within(c, SEPARATORS, sizeof SEPARATORS / sizeof *SEPARATORS);
}

static uint32_t lower(uint32_t c) {
    size_t low = 0, high = sizeof CASES / sizeof *CASES;
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > CASES[middle].last) low = middle + 1;
        else high = middle;
    }
    if (low == sizeof CASES / sizeof *CASES || c < CASES[low].first || (c - CASES[low].first) % CASES[low].step) return c;
    return (uint32_t)((int32_t)c + CASES[low].distance);
}

/* The characters' pair at `at`, or one that stands alone; 0 where a pair before has the last one already. */
static size_t next_pair(plan_words *w, size_t bytes, char token[PLAN_TOKEN_BYTES]) {
    const char *s = w->s + w->at;
    size_t more = 0, length = bytes;
    w->at += bytes;
    if (w->at < w->n) {
        const uint32_t next = decode(s + bytes, w->n - w->at, &more);
        if (next != BROKEN && is_unspaced(next) && in_word(next)) length += more;
    }
    if (length == bytes && w->inside) return w->inside = 0;
    w->inside = length > bytes;
    memcpy(token, s, length);
    return length;
}

static size_t next_word(plan_words *w, char token[PLAN_TOKEN_BYTES]) {
    size_t length = 0;
    while (w->at < w->n) {
        size_t bytes, small_bytes;
        char small[4];
        uint32_t c = decode(w->s + w->at, w->n - w->at, &bytes);
        if (c != BROKEN && (!in_word(c) || is_unspaced(c))) break;
        if (c == BROKEN || c > 0xFFFF) memcpy(small, w->s + w->at, small_bytes = bytes);
        else small_bytes = encode(lower(c), small);
        if (length + small_bytes <= PLAN_TOKEN_BYTES) memcpy(token + length, small, small_bytes);
        length += small_bytes;
        w->at += bytes;
    }
    return length >= 2 && length <= PLAN_TOKEN_BYTES ? length : 0;
}

size_t plan_next_script_token(plan_words *w, char token[PLAN_TOKEN_BYTES], int *is_word) {
    while (w->at < w->n) {
        size_t bytes, length;
        const uint32_t c = decode(w->s + w->at, w->n - w->at, &bytes);
        if (c != BROKEN && !in_word(c)) {
            w->at += bytes;
            continue;
        }
        *is_word = c == BROKEN || !is_unspaced(c);
        length = *is_word ? next_word(w, token) : next_pair(w, bytes, token);
        if (length) return length;
    }
    return 0;
}
