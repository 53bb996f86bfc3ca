/* The part of a word that a category looks up: the rules of tenantry/plan/parts.py. */
#include "plan.h"

#include <string.h>

static int is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c; }
static int in_scheme(char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}
static int ends_authority(char c) { return c == '/' || c == '?' || c == '#' || c == '\\' || is_space(c); }

/* The position after the last '@', or `from`. */
static size_t after_at(const char *s, size_t from, size_t end) {
    for (size_t i = end; i > from; i--)
        if (s[i - 1] == '@') return i;
    return from;
}

static size_t domain(const char *s, size_t n, char buffer[PLAN_DOMAIN_BYTES]) {
    if (n && s[n - 1] == '.') n--;
    if (n > PLAN_DOMAIN_BYTES) return 0;
    for (size_t i = 0; i < n; i++) buffer[i] = lower(s[i]);
    return n;
}

static size_t email_domain(const char *s, size_t n, char buffer[PLAN_DOMAIN_BYTES]) {
    const size_t at = after_at(s, 0, n);
    size_t end = at;
    if (!at) return 0;
    while (end < n && s[end] != '>' && !is_space(s[end])) end++;
    return domain(s + at, end - at, buffer);
}

static size_t url_domain(const char *s, size_t n, char buffer[PLAN_DOMAIN_BYTES]) {
    size_t at = 0, end;
    while (at < n && in_scheme(s[at])) at++;
    if (at && n - at >= 3 && !memcmp(s + at, "://", 3)) at += 3;
    else at = n >= 2 && !memcmp(s, "//", 2) ? 2 : 0;
    for (end = at; end < n && !ends_authority(s[end]);) end++;
    at = after_at(s, at, end);
    for (size_t i = at; i < end; i++) {
        const int bracketed = s[at] == '[';
        if (s[i] == (bracketed ? ']' : ':')) end = i + (size_t)bracketed;
    }
    if (end - at >= 4 && lower(s[at]) == 'w' && lower(s[at + 1]) == 'w' && lower(s[at + 2]) == 'w' && s[at + 3] == '.') at += 4;
    return domain(s + at, end - at, buffer);
}

size_t plan_word_part(const char **s, size_t n, uint32_t format, char buffer[PLAN_DOMAIN_BYTES]) {
    const size_t most = format >> 8;
    switch (format & 255) {
    case PLAN_EMAIL_DOMAIN: n = email_domain(*s, n, buffer); break;
    case PLAN_URL_DOMAIN: n = url_domain(*s, n, buffer); break;
    case PLAN_PREFIX:
        if (n > most)
            for (n = most; n && ((*s)[n] & 0xC0) == 0x80;) n--;    /* no half of a character */
        return plan_strip(s, n);
    default: return n;
    }
    *s = buffer;
    return n;
}
