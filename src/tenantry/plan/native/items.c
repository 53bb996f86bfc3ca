/* Lists and places: the rules of tenantry/plan/parts.py. */
#include "plan.h"

#include <math.h>
#include <string.h>

static int is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static size_t skip(const char *s, size_t n, size_t at) {
    while (at < n && is_space(s[at])) at++;
    return at;
}

/* --- lists --- */

/* The next string of a JSON array whose items have no escapes: 1, or 0 at its end, or -1 where it is no such array. */
static int next_string(plan_items *it, plan_text *item) {
    size_t i = skip(it->s, it->n, it->at), start;
    if (i < it->n && it->s[i] == ']') return i + 1 == it->n ? 0 : -1;
    if (it->at > 1) {
        if (i >= it->n || it->s[i] != ',') return -1;
        i = skip(it->s, it->n, i + 1);
    }
    if (i >= it->n || it->s[i] != '"') return -1;
    for (start = ++i; i < it->n && it->s[i] != '"'; i++)
        if (it->s[i] == '\\' || (unsigned char)it->s[i] < 0x20) return -1;
    if (i >= it->n) return -1;
    *item = (plan_text){it->s + start, i - start};
    it->at = i + 1;
    return 1;
}

static int next_part(plan_items *it, plan_text *item) {
    const char *end;
    if (it->at > it->n) return 0;
    end = memchr(it->s + it->at, it->delimiter, it->n - it->at);
    *item = (plan_text){it->s + it->at, (end ? (size_t)(end - it->s) : it->n) - it->at};
    it->at += item->n + 1;
    return 1;
}

plan_items plan_items_of(const char *s, size_t n, char delimiter) {
    plan_items it = {s, n, 1, delimiter, n && s[0] == '['};
    plan_text item;
    int more = it.is_array;
    while (more > 0) more = next_string(&it, &item);
    it.is_array = it.is_array && !more;
    it.at = it.is_array;
    return it;
}

int plan_next_item(plan_items *it, plan_text *item) {
    while (it->is_array ? next_string(it, item) : next_part(it, item)) {
        item->n = plan_strip(&item->s, item->n);
        if (item->n) return 1;
    }
    return 0;
}

/* --- places --- */

static int in_number(char c) { return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E'; }

static plan_text number_at(const char *s, size_t n, size_t *at) {
    const size_t start = *at;
    while (*at < n && in_number(s[*at])) ++*at;
    return (plan_text){s + start, *at - start};
}

static double degrees(plan_text t) {
    const plan_number_format plain = {0};
    for (size_t i = 0; i < t.n; i++)
        if (!in_number(t.s[i])) return NAN;
    return t.n ? plan_parse_number(t.s, t.n, &plain) : NAN;
}

int plan_place(plan_text lat, plan_text lon, double point[2]) {
    point[0] = degrees(lat);
    point[1] = degrees(lon);
    return fabs(point[0]) <= 90.0 && fabs(point[1]) <= 180.0;
}

static int is_point(const char *s, size_t n) {
    static const char NAME[] = "point";
    for (size_t i = 0; i < 5; i++)
        if (i >= n || (s[i] | 32) != NAME[i]) return 0;
    return 1;
}

/* POINT (lon lat) */
static int parse_point(const char *s, size_t n, double point[2]) {
    plan_text lat, lon;
    size_t at = skip(s, n, 5), blank;
    if (at >= n || s[at] != '(') return 0;
    at = skip(s, n, at + 1);
    lon = number_at(s, n, &at);
    blank = at;
    at = skip(s, n, at);
    if (at == blank) return 0;
    lat = number_at(s, n, &at);
    at = skip(s, n, at);
    return at + 1 == n && s[at] == ')' && plan_place(lat, lon, point);
}

int plan_parse_place(const char *s, size_t n, double point[2]) {
    plan_text lat, lon;
    size_t at = 0, mark;
    if (is_point(s, n)) return parse_point(s, n, point);
    if (n >= 2 && ((s[0] == '(' && s[n - 1] == ')') || (s[0] == '[' && s[n - 1] == ']'))) {
        s++;
        n = plan_strip(&s, n - 2);
    }
    lat = number_at(s, n, &at);
    mark = at;
    at = skip(s, n, at);
    if (at < n && (s[at] == ',' || s[at] == ';')) at = skip(s, n, at + 1);
    if (at == mark) return 0;
    lon = number_at(s, n, &at);
    return at == n && plan_place(lat, lon, point);
}
