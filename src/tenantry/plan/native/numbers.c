/* Number text: the grammar of tenantry/plan/parse.py, on bytes. */
#include "plan.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *s; size_t n, at; } scan;

static int is_digit(char c) { return (unsigned char)(c - '0') < 10; }
static int is_letter(char c) { return (unsigned char)((c | 32) - 'a') < 26; }
static int digit_at(const scan *t, size_t at) { return at < t->n && is_digit(t->s[at]); }

static size_t starts(const scan *t, size_t at, const char *mark) {
    size_t n = strlen(mark);
    return t->n - at >= n && !memcmp(t->s + at, mark, n) ? n : 0;
}

/* Bytes of the first of `marks` (a list ended by NULL) that stands at `at`. */
static size_t one_of(const scan *t, size_t at, const char *const *marks) {
    for (; *marks; marks++) {
        size_t n = starts(t, at, *marks);
        if (n) return n;
    }
    return 0;
}

static const char *const BLANKS[] = {" ", "\xC2\xA0", "\xE2\x80\x89", "\xE2\x80\xAF", NULL};
static const char *const QUOTES[] = {"'", "\xE2\x80\x99", NULL};
static const char *const SIGNS[] = {"+", "-", "\xE2\x88\x92", NULL};
/* zł Kč $ € £ ¥ ₹ ₽ ₩ ₺ ₴ ₫ ₪ ₦ ₱ ฿; the first two do not follow letters */
static const char *const CURRENCIES[] = {
    "z\xC5\x82", "K\xC4\x8D", "$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "\xE2\x82\xB9", "\xE2\x82\xBD", "\xE2\x82\xA9",
    "\xE2\x82\xBA", "\xE2\x82\xB4", "\xE2\x82\xAB", "\xE2\x82\xAA", "\xE2\x82\xA6", "\xE2\x82\xB1", "\xE0\xB8\xBF", NULL};
static const char WORDS[] =
    " AED ARS AUD BDT BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR FT GBP GHS HKD HUF IDR ILS INR ISK JPY KES KR KRW"
    " KWD KZT LKR MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RMB RON RS RSD RUB SAR SEK SGD THB TND TRY TWD UAH UGX"
    " USD UYU VND XAF XOF ZAR ";

static int currency_word(const char *s, size_t n) {
    char word[6] = " ";
    if (n < 2 || n > 3) return 0;
    for (size_t i = 0; i < n; i++) word[i + 1] = (char)(s[i] & ~32);
    word[n + 1] = ' ';
    word[n + 2] = 0;
    return strstr(WORDS, word) != NULL;
}

/* The position after a currency at `at`, or `at`. */
static size_t currency(const scan *t, size_t at, int prefix) {
    size_t n = one_of(t, at, CURRENCIES), end = at;
    if (n) return at + n;
    while (end < t->n && is_letter(t->s[end])) end++;
    if (prefix && end > at && end - at <= 3 && (n = one_of(t, end, CURRENCIES + 2))) return end + n;
    if (!currency_word(t->s + at, end - at)) return at;
    return end + (end - at == 2 && (t->s[at] & ~32) == 'R' && (t->s[at + 1] & ~32) == 'S' && end < t->n && t->s[end] == '.');
}

/* Skip sign, currency and blanks before the digits: 1 for a minus, -1 for a plus, 0 for no sign. */
static int leading(scan *t, int is_signed) {
    int minus = 0;
    size_t n = is_signed ? 0 : one_of(t, t->at, SIGNS), end;
    if (n) {
        minus = t->s[t->at] == '+' ? -1 : 1;
        is_signed = 1;
        t->at += n;
        t->at += one_of(t, t->at, BLANKS);
    }
    end = currency(t, t->at, 1);
    if (end > t->at) {
        t->at = end + one_of(t, end, BLANKS);
        n = is_signed ? 0 : one_of(t, t->at, SIGNS);
        if (n) minus = t->s[t->at] == '+' ? -1 : 1;
        t->at += n;
    }
    return minus;
}

typedef struct { char text[PLAN_NUMBER_BYTES + 16]; size_t n; } digits;

static size_t take_run(scan *t, digits *d) {
    size_t start = t->at;
    while (digit_at(t, t->at)) d->text[d->n++] = t->s[t->at++];
    return t->at - start;
}

/* The whole part with its thousands marks. Where they stand in wrong places they end it, or (without units) give 0. */
static int whole_part(scan *t, digits *d, int decimal_comma, int units) {
    size_t start = t->at, first = take_run(t, d), mark = 0, length = 0, groups = 0, threes = 0, twos = 0;
    const char *sign = t->s + t->at;
    if (first) {
        mark = one_of(t, t->at, BLANKS);
        if (!mark) mark = one_of(t, t->at, QUOTES);
        if (!mark) mark = starts(t, t->at, decimal_comma ? "." : ",");
    }
    if (!mark || !digit_at(t, t->at + mark)) return 1;
    while (t->n - t->at > mark && !memcmp(t->s + t->at, sign, mark) && digit_at(t, t->at + mark)) {
        t->at += mark;
        length = take_run(t, d);
        groups++;
        threes += length == 3;
        twos += length == 2;
    }
    if (length == 3 && ((first <= 3 && threes == groups) || (first <= 2 && threes == 1 && twos == groups - 1))) return 1;
    t->at = start + first;
    d->n = first;
    return units;
}

static int exponent_part(scan *t) {
    size_t at = t->at + 1;
    int minus = 0, e = 0;
    if (t->at >= t->n || (t->s[t->at] | 32) != 'e') return 0;
    if (at < t->n && (t->s[at] == '+' || t->s[at] == '-')) minus = t->s[at++] == '-';
    if (!digit_at(t, at)) return 0;
    for (; digit_at(t, at); at++) {
        e = e * 10 + (t->s[at] - '0');
        if (e > 99999) e = 99999;
    }
    t->at = at;
    return minus ? -e : e;
}

static int suffix(const scan *t) {
    size_t at = t->at;
    if (at == t->n || (t->n - at == 1 && t->s[at] == '+')) return 1;
    at += one_of(t, at, BLANKS);
    return (t->n - at == 1 && t->s[at] == '%') || currency(t, at, 0) == t->n;
}

static int unit_tail_at(const scan *t) {
    char c = t->s[t->at];
    if ((unsigned char)c >= 0x80 || is_letter(c) || strchr(" \t%\"'", c)) return c != 0;
    return c == '/' && t->at + 1 < t->n && is_letter(t->s[t->at + 1]);
}

/* Digits and a power of ten → the nearest double. The text has no decimal mark, so that strtod's locale plays no part. */
static double nearest(digits *d, int power) {
    static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t start = 0;
    while (start < d->n && d->text[start] == '0') start++;
    if (start == d->n) return 0.0;
    if (d->n - start <= 18 && power >= -22 && power <= 22) {
        uint64_t m = 0;
        for (size_t i = start; i < d->n; i++) m = m * 10 + (uint64_t)(d->text[i] - '0');
        if (m <= UINT64_C(1) << 53) return power < 0 ? (double)m / TENS[-power] : (double)m * TENS[power];
    }
    snprintf(d->text + d->n, 16, "e%d", power);
    return strtod(d->text + start, NULL);
}

static int take_number(scan *t, const plan_number_format *f, double *x) {
    digits d = {.n = 0};
    int power = 0;
    if (!whole_part(t, &d, f->decimal_comma, f->units.n_entries > 0)) return 0;
    if (t->at < t->n && t->s[t->at] == (f->decimal_comma ? ',' : '.')) {
        t->at++;
        power = -(int)take_run(t, &d);
    }
    if (!d.n) return 0;
    power += exponent_part(t);
    *x = nearest(&d, power);
    return 1;
}

static void skip_blanks(scan *t) {
    size_t n;
    while ((n = one_of(t, t->at, BLANKS))) t->at += n;
}

/* A number behind which the scan stands, and all that follow it, times their units; NaN where a unit is unknown. */
static double quantity(scan *t, double x, const plan_number_format *f) {
    double total = 0.0;
    for (int pair = 0; pair < PLAN_UNIT_PAIRS; pair++) {
        size_t end;
        uint32_t unit;
        skip_blanks(t);
        unit = plan_find(&f->units, t->s + t->at, t->n - t->at);
        if (unit != PLAN_NO_ROW) return total + x * f->factors[unit];
        for (end = t->at; end < t->n && !is_digit(t->s[end]) && t->s[end] != ',' && !one_of(t, end, BLANKS); end++) {}
        unit = plan_find(&f->units, t->s + t->at, end - t->at);
        if (unit == PLAN_NO_ROW) return NAN;
        total += x * f->factors[unit];
        t->at = end;
        skip_blanks(t);
        if (t->at < t->n && t->s[t->at] == ',') t->at++;
        skip_blanks(t);
        if (!take_number(t, f, &x)) return NAN;
    }
    return NAN;
}

/* A sign that says more, less or about. */
static void skip_qualifier(scan *t) {
    static const char *const QUALIFIERS[] = {"<", ">", "~", "\xE2\x89\xA4", "\xE2\x89\xA5", "\xE2\x89\x88", "#", NULL};
    t->at += one_of(t, t->at, QUALIFIERS);
    if (!t->at) return;
    t->at += starts(t, t->at, "=");
    t->at += one_of(t, t->at, BLANKS);
}

/* Cut the scan to what stands in brackets; 0 where there are none. */
static int bracketed(scan *t) {
    size_t at = 0;
    if (t->n <= 2 || t->s[t->n - 1] != ')') return 0;
    if (t->s[0] != '(') {
        at = currency(t, 0, 1);
        if (at) at += one_of(t, at, BLANKS);
    }
    if (t->s[at] != '(' || t->n - at <= 2) return 0;
    t->s += at + 1;
    t->n = plan_strip(&t->s, t->n - at - 2);
    return 1;
}

static int two_digits(const scan *t, size_t at) {
    return digit_at(t, at) && digit_at(t, at + 1) && t->s[at] <= '5' ? (t->s[at] - '0') * 10 + t->s[at + 1] - '0' : -1;
}

/* H:MM[:SS[.fraction]] [AM|PM] in hours; NaN for other text. */
static double clock_hours(const scan *t) {
    static const double TENS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    size_t at = 0, n = 0;
    int hour = 0, minute, second = 0, part = 0;
    while (at < 3 && digit_at(t, at)) hour = hour * 10 + (t->s[at++] - '0');
    if (!at || at >= t->n || t->s[at] != ':' || (minute = two_digits(t, at + 1)) < 0) return NAN;
    at += 3;
    if (at < t->n && t->s[at] == ':') {
        if ((second = two_digits(t, at + 1)) < 0) return NAN;
        at += 3;
        if (at < t->n && t->s[at] == '.') {
            if (!digit_at(t, ++at)) return NAN;
            for (; digit_at(t, at); at++, n++)
                if (n < 9) part = part * 10 + (t->s[at] - '0');
        }
    }
    if (at < t->n) {
        at += one_of(t, at, BLANKS);
        if (t->n - at != 2 || (t->s[at + 1] | 32) != 'm' || ((t->s[at] | 32) != 'a' && (t->s[at] | 32) != 'p')) return NAN;
        if (hour < 1 || hour > 12) return NAN;
        hour = hour % 12 + ((t->s[at] | 32) == 'p' ? 12 : 0);
    }
    return (hour * 3600 + minute * 60 + second + part / TENS[n < 9 ? n : 9]) / 3600.0;
}

double plan_parse_number(const char *s, size_t n, const plan_number_format *f) {
    scan t = {s, n, 0};
    int negative, minus;
    double x;
    if (!n || n > PLAN_NUMBER_BYTES) return NAN;
    if (f->clock) x = clock_hours(&t);
    if (f->clock && x == x) return x;
    skip_qualifier(&t);
    t = (scan){s + t.at, n - t.at, 0};
    negative = bracketed(&t);
    minus = leading(&t, negative);
    if (!take_number(&t, f, &x)) return NAN;
    if (t.n - t.at == 1 && t.s[t.at] == '-' && !negative && !minus) return -x;
    if (!suffix(&t)) {
        if (f->units.n_entries) x = quantity(&t, x, f);
        else if (!f->unit_tail || !unit_tail_at(&t)) return NAN;
    }
    return negative || minus > 0 ? -x : x;
}

double plan_limit_number(double x, const double *nulls, uint32_t n_nulls) {
    for (uint32_t i = 0; i < n_nulls; i++)
        if (x == nulls[i]) return NAN;
    return x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
}
