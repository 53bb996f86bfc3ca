/* Words and tokens: white space, the hash tables of categories and texts, TF-IDF values. */
#include "plan.h"

#include <math.h>
#include <string.h>

static int is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

size_t plan_strip(const char **s, size_t n) {
    while (n && is_space(**s)) ++*s, n--;
    while (n && is_space((*s)[n - 1])) n--;
    return n;
}

static uint64_t read8(const char *s) {
    uint64_t x;
    memcpy(&x, s, 8);
    return x;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint64_t plan_hash(const char *s, size_t n, uint64_t key) {
    uint64_t h = key ^ (n * UINT64_C(0x9E3779B97F4A7C15)), tail = 0;
    for (; n > 8; s += 8, n -= 8) h = mix(h ^ read8(s), UINT64_C(0xE7037ED1A0B428DB));
    memcpy(&tail, s, n);
    return mix(h ^ tail, UINT64_C(0xA0761D6478BD642F) ^ key);
}

uint32_t plan_find(const plan_table *t, const char *s, size_t n) {
    uint32_t h, i;
    if (n > t->max_bytes || !t->n_entries) return PLAN_NO_ROW;
    h = (uint32_t)plan_hash(s, n, t->key);
    i = (uint32_t)((uint64_t)h * t->n_entries >> 32);
    for (uint32_t k = 0; k <= t->max_probe; k++) {      /* bounded when the table was made: no flooding */
        const plan_entry *e = t->entries + i;
        if (e->row == PLAN_NO_ROW) break;
        if (e->hash == h && e->bytes == n && !memcmp(t->strings + e->string, s, n)) return e->row;
        i = i + 1 == t->n_entries ? 0 : i + 1;
    }
    return PLAN_NO_ROW;
}

static const uint8_t LOWER[256] = {    /* 0 where a byte ends a token */
    ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z',
    ['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z'};

static char token_byte(char c) { return (unsigned char)c >= 0x80 ? c : (char)LOWER[(unsigned char)c]; }

size_t plan_next_token(const char *s, size_t n, size_t *at, char token[PLAN_TOKEN_BYTES]) {
    size_t i = *at;
    while (i < n) {
        size_t length = 0;
        char c;
        while (i < n && !token_byte(s[i])) i++;
        for (; i < n && (c = token_byte(s[i])); i++, length++)
            if (length < PLAN_TOKEN_BYTES) token[length] = c;
        if (length >= 2 && length <= PLAN_TOKEN_BYTES) {
            *at = i;
            return length;
        }
    }
    *at = n;
    return 0;
}

uint32_t plan_count_word(const plan_table *t, const char *s, size_t n, uint8_t *counts, uint16_t *touched, uint32_t known) {
    uint32_t row = plan_find(t, s, n);
    if (row == PLAN_NO_ROW) return known;
    if (!counts[row]) touched[known++] = (uint16_t)row;
    if (counts[row] < PLAN_MAX_TF) counts[row]++;
    return known;
}

uint32_t plan_count_tokens(const plan_table *t, const char *s, size_t n, int scripts, uint8_t *counts, uint16_t *touched, uint32_t *words) {
    char pair[2 * PLAN_TOKEN_BYTES + 1], token[PLAN_TOKEN_BYTES];
    size_t at = 0, before = 0, length;
    plan_words rest = {s, n, 0, 0};
    uint32_t known = 0;
    int is_word = 1;
    *words = 0;
    while ((length = scripts ? plan_next_script_token(&rest, token, &is_word) : plan_next_token(s, n, &at, token))) {
        ++*words;
        known = plan_count_word(t, token, length, counts, touched, known);
        if (before && is_word) {
            pair[before] = ' ';
            memcpy(pair + before + 1, token, length);
            known = plan_count_word(t, pair, before + 1 + length, counts, touched, known);
        }
        memcpy(pair, token, length);
        before = is_word ? length : 0;
    }
    return known;
}

double plan_text_norm(const double *tf, const float *idf, const uint8_t *counts, const uint16_t *touched, uint32_t n) {
    double square = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        double w = tf[counts[touched[i]]] * idf[touched[i]];
        square += w * w;
    }
    return sqrt(square);
}

double plan_text_value(const double *tf, float idf, uint8_t count, double norm) {
    return norm == 0.0 ? 0.0 : floor(tf[count] * idf / norm * 256.0 + 0.5) / 256.0;
}
