/* Date text: the rules of tenantry/plan/dates.py. */
#include "plan.h"

#include <string.h>

typedef struct { char s[PLAN_DATE_BYTES + 1]; int at; } scan;    /* lower case, ended by 0 */
typedef struct { int n, value; } number;                        /* digits taken (0: none), and their value */

static int is_digit(char c) { return (unsigned char)(c - '0') < 10; }
static int letter_next(const scan *t) { return (unsigned char)(t->s[t->at] - 'a') < 26; }

static int take(scan *t, const char *characters, int most) {
    int n = 0;
    while (n < most && t->s[t->at] && strchr(characters, t->s[t->at])) t->at++, n++;
    return n;
}

static number take_digits(scan *t, int most) {
    number d = {0, 0};
    while (d.n < most && is_digit(t->s[t->at + d.n])) d.value = d.value * 10 + (t->s[t->at + d.n++] - '0');
    if (is_digit(t->s[t->at + d.n])) return (number){0, 0};
    t->at += d.n;
    return d;
}

static int take_word(scan *t, char word[17]) {
    int n = 0;
    while (n < 16 && letter_next(t)) word[n++] = t->s[t->at++];
    word[n] = 0;
    return n;
}

static const char *const MONTHS[] = {"january", "february", "march", "april", "may", "june", "july", "august", "september",
                                     "october", "november", "december", NULL};
static const char *const WEEKDAYS[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", NULL};

static int named(const char *word, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (!strcmp(word, names[i]) || (strlen(word) == 3 && !memcmp(word, names[i], 3))) return i + 1;
    return names == MONTHS && !strcmp(word, "sept") ? 9 : 0;
}

static int full_year(number d) {
    if (d.n == 4) return d.value;
    return d.n == 2 ? d.value + (d.value <= 68 ? 2000 : 1900) : 0;
}

static int checked(int y, int m, int d, int date[3]) {
    static const uint8_t LENGTH[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (y < 1 || m < 1 || m > 12 || d < 1) return 0;
    if (d > LENGTH[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))) return 0;
    date[0] = y, date[1] = m, date[2] = d;
    return 1;
}

static void skip_ordinal(scan *t, number d) {
    char word[17];
    int start = t->at;
    if (!letter_next(t)) return;
    if (d.n <= 2) {
        take_word(t, word);
        if (!strcmp(word, "st") || !strcmp(word, "nd") || !strcmp(word, "rd") || !strcmp(word, "th")) return;
    }
    t->at = start;
}

static int month_first(scan *t, int date[3]) {
    char word[17];
    number day, year;
    int month, parted;
    take_word(t, word);
    month = named(word, MONTHS);
    parted = take(t, " ,-/.", 3);
    day = take_digits(t, 2);
    if (!month || !parted || !day.n) return 0;
    skip_ordinal(t, day);
    if (!take(t, " ,-/.", 3)) return 0;
    year = take_digits(t, 4);
    return year.n && checked(full_year(year), month, day.value, date);
}

static int month_second(scan *t, number first, int date[3]) {
    char word[17];
    number last;
    int month;
    take_word(t, word);
    month = named(word, MONTHS);
    if (!month || !take(t, " ,-/.", 3)) return 0;
    last = take_digits(t, 4);
    if (!last.n) return 0;
    if (first.n != 4) return checked(full_year(last), month, first.value, date);
    skip_ordinal(t, last);
    return last.n <= 2 && checked(first.value, month, last.value, date);
}

static int all_numbers(scan *t, number first, int order, int date[3]) {
    char mark[2] = {t->s[t->at], 0};
    number second, third;
    if (!take(t, "-/.", 1)) return 0;
    second = take_digits(t, 2);
    if (!second.n || !take(t, mark, 1)) return 0;
    third = take_digits(t, 4);
    if (!third.n) return 0;
    if (first.n == 4) return third.n <= 2 && checked(first.value, second.value, third.value, date);
    if (order == PLAN_YMD) return 0;
    return order == PLAN_MDY ? checked(full_year(third), first.value, second.value, date)
                             : checked(full_year(third), second.value, first.value, date);
}

static int take_date(scan *t, int order, int date[3]) {
    char word[17];
    number first;
    int start = t->at;
    if (letter_next(t)) {
        take_word(t, word);
        if (named(word, WEEKDAYS)) take(t, " ,", 3);
        else t->at = start;
    }
    if (letter_next(t)) return month_first(t, date);
    first = take_digits(t, 8);
    if (first.n == 8) return order == PLAN_YMD && checked(first.value / 10000, first.value / 100 % 100, first.value % 100, date);
    if (!first.n || first.n == 3 || first.n > 4) return 0;
    skip_ordinal(t, first);
    start = t->at;
    if (!take(t, " ,-/.", 3)) return 0;
    if (letter_next(t)) return month_second(t, first, date);
    t->at = start;
    return all_numbers(t, first, order, date);
}

/* The hour with AM or PM applied; 99 where they do not fit. */
static int half_day(scan *t, int hour) {
    char word[17];
    int start = t->at;
    take(t, " ", 1);
    take_word(t, word);
    if (strcmp(word, "am") && strcmp(word, "pm")) {
        t->at = start;
        return hour;
    }
    return hour < 1 || hour > 12 ? 99 : hour % 12 + (word[0] == 'p' ? 12 : 0);
}

static int take_offset(scan *t, int *seconds) {
    char word[17];
    number hours, minutes = {0, 0};
    int start = t->at, minus;
    *seconds = 0;
    take(t, " ", 1);
    if (letter_next(t)) {
        take_word(t, word);
        return !strcmp(word, "z") || !strcmp(word, "utc") || !strcmp(word, "gmt");
    }
    minus = t->s[t->at] == '-';
    if (!take(t, "+-", 1)) {
        t->at = start;
        return 1;
    }
    hours = take_digits(t, 4);
    if (hours.n == 4) minutes = (number){2, hours.value % 100}, hours = (number){2, hours.value / 100};
    else if (hours.n == 2 && take(t, ":", 1)) minutes = take_digits(t, 2);
    if (hours.n != 2 || minutes.n == 1 || hours.value > 23 || minutes.value > 59) return 0;
    *seconds = (hours.value * 3600 + minutes.value * 60) * (minus ? -1 : 1);
    return 1;
}

static int take_time(scan *t, int *seconds, double *fraction) {
    static const double TENS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    number hour, minute = {0, 0}, second = {0, 0};
    int hours, offset, part = 0, n = 0;
    *seconds = 0, *fraction = 0.0;
    if (!t->s[t->at]) return 1;
    if (t->s[t->at] == 't') t->at++;
    else if (!take(t, " ,", 3)) return 0;
    hour = take_digits(t, 2);
    if (hour.n && take(t, ":", 1)) minute = take_digits(t, 2);
    if (minute.n != 2) return 0;
    if (take(t, ":", 1)) {
        second = take_digits(t, 2);
        if (second.n != 2) return 0;
        if (take(t, ".,", 1)) {
            for (; is_digit(t->s[t->at]); t->at++, n++)
                if (n < 9) part = part * 10 + (t->s[t->at] - '0');
            if (!n) return 0;
            *fraction = part / TENS[n < 9 ? n : 9];
        }
    }
    hours = half_day(t, hour.value);
    if (!take_offset(t, &offset) || hours > 23 || minute.value > 59 || second.value > 59 || t->s[t->at]) return 0;
    *seconds = hours * 3600 + minute.value * 60 + second.value - offset;
    return 1;
}

/* Howard Hinnant's calendar algorithms. */
static int days_from_civil(int y, int m, int d) {
    int era, of_era, of_year;
    y -= m <= 2;
    era = y / 400;
    of_era = y - era * 400;
    of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void month_and_day(int days, int *m, int *d) {
    int z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100), mp = (5 * of_year + 2) / 153;
    *d = of_year - (153 * mp + 2) / 5 + 1;
    *m = mp + (mp < 10 ? 3 : -9);
}

int plan_parse_date(const char *s, size_t n, int order, double part[5]) {
    scan t = {.at = 0};
    int date[3], seconds, days, month, day;
    double fraction;
    if (!n || n > PLAN_DATE_BYTES) return 0;
    for (size_t i = 0; i < n; i++) {
        if (!s[i] || (unsigned char)s[i] >= 0x80) return 0;
        t.s[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 32 : s[i]);
    }
    t.s[n] = 0;
    if (!take_date(&t, order, date) || !take_time(&t, &seconds, &fraction)) return 0;
    days = days_from_civil(date[0], date[1], date[2]);
    while (seconds < 0) seconds += 86400, days--;
    while (seconds >= 86400) seconds -= 86400, days++;
    month_and_day(days, &month, &day);
    part[0] = days + (seconds + fraction) / 86400.0;
    part[1] = month;
    part[2] = ((days + 3) % 7 + 7) % 7;
    part[3] = day;
    part[4] = seconds / 3600;
    return 1;
}
