/* Date text: the rules of tenantry/plan/dates.py. */
#include "plan.h"

#include <math.h>
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
static const char *const OTHER_MONTHS[] = {
    " sept ", " januar janvier enero ene gennaio gen janeiro januari janv ",
    " februar fevrier febrero febbraio fevereiro februari fev fevr ", " marz mars marzo marco maart mrz mrt ",
    " avril abril aprile abr avr ", " mai mayo maggio maio mei mag ", " juni juin junio giugno junho giu ",
    " juli juillet julio luglio julho juil lug ", " aout agosto augustus ago ",
    " septembre septiembre setiembre settembre setembro set ", " oktober octobre octubre ottobre outubro okt ott out ",
    " novembre noviembre novembro ", " dezember decembre diciembre dicembre dezembro dez dic "};
static const struct { const char *name; int hours; } ZONES[] = {
    {"z", 0}, {"utc", 0}, {"gmt", 0}, {"ut", 0}, {"est", -5}, {"edt", -4}, {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6},
    {"pst", -8}, {"pdt", -7}, {"wet", 0}, {"cet", 1}, {"cest", 2}, {"eet", 2}, {"eest", 3}};

static int named(const char *word, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (!strcmp(word, names[i]) || (strlen(word) == 3 && !memcmp(word, names[i], 3))) return i + 1;
    return 0;
}

static int month_of(const char *word) {
    int found = named(word, MONTHS);
    char spaced[19] = " ";
    size_t n = strlen(word);
    if (found || !n) return found;
    memcpy(spaced + 1, word, n);
    memcpy(spaced + 1 + n, " ", 2);
    for (int i = 0; i <= 12; i++)
        if (strstr(OTHER_MONTHS[i], spaced)) return i ? i : 9;
    return 0;
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

/* "of", "de" or "den" with the blanks around it. */
static void skip_link(scan *t) {
    char word[17];
    int start = t->at;
    take(t, " ", 3);
    take_word(t, word);
    if ((!strcmp(word, "of") || !strcmp(word, "de") || !strcmp(word, "den")) && take(t, " ", 1)) return;
    t->at = start;
}

static int has_mark(const scan *t, int from, const char *marks) {
    for (; from < t->at; from++)
        if (strchr(marks, t->s[from])) return 1;
    return 0;
}

static int month_first(scan *t, int date[3]) {
    char word[17];
    number quarter = {0, 0}, day, year;
    int month, parted, start;
    take_word(t, word);
    if (!strcmp(word, "q")) quarter = take_digits(t, 1);
    month = quarter.n ? 3 * quarter.value - 2 : month_of(word);
    parted = t->at;
    if (!take(t, " ,-/.'", 3) || month < 1 || month > 12) return 0;
    start = t->at;
    year = take_digits(t, 4);
    if (!t->s[t->at] && (year.n == 4 || (year.n == 2 && (quarter.n || has_mark(t, parted, "-'")))))
        return checked(full_year(year), month, 1, date);
    t->at = start;
    day = take_digits(t, 2);
    if (!day.n || quarter.n) return 0;
    skip_ordinal(t, day);
    skip_link(t);
    if (!take(t, " ,-/.", 3)) return 0;
    year = take_digits(t, 4);
    return year.n && checked(full_year(year), month, day.value, date);
}

static int month_second(scan *t, number first, int date[3]) {
    char word[17];
    number last;
    int month;
    skip_link(t);
    take_word(t, word);
    if (!strcmp(word, "q") && first.n == 4) {
        last = take_digits(t, 1);
        return last.n && !t->s[t->at] && checked(first.value, 3 * last.value - 2, 1, date);
    }
    month = month_of(word);
    if (month && first.n == 4 && !t->s[t->at]) return checked(first.value, month, 1, date);
    if (!month || !take(t, " ,-/.", 3)) return 0;
    skip_link(t);
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
    second = take_digits(t, 4);
    if (!second.n) return 0;
    if (!t->s[t->at] && *mark != '.' && (first.n == 4) != (second.n == 4)) {
        number year = first.n == 4 ? first : second, month = first.n == 4 ? second : first;
        return month.n <= 2 && checked(year.value, month.value, 1, date);
    }
    if (second.n > 2 || !take(t, mark, 1)) return 0;
    third = take_digits(t, 4);
    if (!third.n) return 0;
    if (first.n == 4) return third.n <= 2 && checked(first.value, second.value, third.value, date);
    if (order == PLAN_YMD) return 0;
    return order == PLAN_MDY ? checked(full_year(third), first.value, second.value, date)
                             : checked(full_year(third), second.value, first.value, date);
}

/* 8 digits, or 14 of which the last 6 are left as the time. */
static int compact_date(scan *t, int date[3]) {
    int d[8];
    for (int i = 0; i < 8; i++) d[i] = t->s[t->at++] - '0';
    return checked(d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3], d[4] * 10 + d[5], d[6] * 10 + d[7], date);
}

static int digits_next(const scan *t) {
    int n = 0;
    while (is_digit(t->s[t->at + n])) n++;
    return n;
}

static int take_date(scan *t, int order, int digits, int date[3]) {
    char word[17];
    number first;
    int start = t->at, run, parted;
    if (letter_next(t)) {
        take_word(t, word);
        if (named(word, WEEKDAYS)) take(t, " ,", 3);
        else t->at = start;
    }
    if (letter_next(t)) return month_first(t, date);
    run = digits_next(t);
    if (run == 8 || run == 14) return (order == PLAN_YMD || digits == PLAN_DAY_DIGITS) && compact_date(t, date);
    first = take_digits(t, 6);
    if (first.n == 6 && digits == PLAN_MONTH_DIGITS) return checked(first.value / 100, first.value % 100, 1, date);
    if (!first.n || first.n == 3 || first.n > 4) return 0;
    skip_ordinal(t, first);
    start = t->at;
    parted = take(t, " ,-/.", 3);
    if (letter_next(t) && (parted || t->s[t->at] == 'q')) return month_second(t, first, date);
    t->at = start;
    return parted && all_numbers(t, first, order, date);
}

/* The hour with AM or PM applied; 99 where they do not fit, -1 where there is neither. */
static int half_day(scan *t, int hour) {
    char word[17], rest[17];
    int start = t->at, afternoon;
    take(t, " ", 1);
    take_word(t, word);
    afternoon = word[0] == 'p';
    if (!strcmp(word, "a") || !strcmp(word, "p")) {
        if (take(t, ".", 1) && take_word(t, rest) && !strcmp(rest, "m")) take(t, ".", 1);
        else afternoon = -1;
    } else if (strcmp(word, "am") && strcmp(word, "pm")) {
        afternoon = -1;
    }
    if (afternoon < 0) {
        t->at = start;
        return -1;
    }
    return hour < 1 || hour > 12 ? 99 : hour % 12 + (afternoon ? 12 : 0);
}

/* Text in brackets at the end. */
static void skip_comment(scan *t) {
    int start = t->at, end = start + (int)strlen(t->s + start);
    char last = t->s[end - 1];
    take(t, " ", 1);
    t->at = (t->s[t->at] == '(' && last == ')') || (t->s[t->at] == '[' && last == ']') ? end : start;
}

static int take_offset(scan *t, int *seconds) {
    char word[17];
    number hours, minutes = {0, 0};
    int start = t->at, minus, zone = -1;
    *seconds = 0;
    take(t, " ", 1);
    if (letter_next(t)) {
        take_word(t, word);
        for (size_t i = 0; i < sizeof ZONES / sizeof *ZONES; i++)
            if (!strcmp(word, ZONES[i].name)) zone = (int)i;
        if (zone < 0) return 0;
        *seconds = ZONES[zone].hours * 3600;
        start = t->at;
    }
    minus = t->s[t->at] == '-';
    if (!take(t, "+-", 1)) {
        t->at = start;
        skip_comment(t);
        return 1;
    }
    hours = take_digits(t, 4);
    if (hours.n == 4) minutes = (number){2, hours.value % 100}, hours = (number){2, hours.value / 100};
    else if (hours.n == 2 && take(t, ":", 1)) minutes = take_digits(t, 2);
    if (hours.n != 2 || minutes.n == 1 || hours.value > 23 || minutes.value > 59) return 0;
    skip_comment(t);
    *seconds += (hours.value * 3600 + minutes.value * 60) * (minus ? -1 : 1);
    return 1;
}

typedef struct { number hour, minute, second; double fraction; } clock_time;    /* minute.n is 0 for an hour alone */

static int take_clock(scan *t, clock_time *c) {
    static const double TENS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    int part = 0, n = 0;
    *c = (clock_time){.hour = take_digits(t, 6)};
    if (c->hour.n == 6) c->second = (number){2, c->hour.value % 100}, c->hour = (number){4, c->hour.value / 100};
    if (c->hour.n == 4) {
        c->minute = (number){2, c->hour.value % 100};
        c->hour = (number){2, c->hour.value / 100};
        return 1;
    }
    if (c->hour.n < 1 || c->hour.n > 2) return 0;
    if (!take(t, ":", 1)) return 1;
    c->minute = take_digits(t, 2);
    if (c->minute.n != 2) return 0;
    if (!take(t, ":", 1)) return 1;
    c->second = take_digits(t, 2);
    if (c->second.n != 2) return 0;
    if (!take(t, ".,", 1)) return 1;
    for (; is_digit(t->s[t->at]); t->at++, n++)
        if (n < 9) part = part * 10 + (t->s[t->at] - '0');
    c->fraction = part / TENS[n < 9 ? n : 9];
    return n > 0;
}

static int take_time(scan *t, int *seconds, double *fraction) {
    clock_time c;
    char word[17];
    int hours, offset, start;
    *seconds = 0, *fraction = 0.0;
    if (!t->s[t->at]) return 1;
    if (!is_digit(t->s[t->at]) && !take(t, "t:", 1) && !take(t, " ,", 3)) return 0;
    start = t->at;
    take_word(t, word);
    if (strcmp(word, "at") || !take(t, " ", 1)) t->at = start;
    if (!take_clock(t, &c)) return 0;
    hours = half_day(t, c.hour.value);
    if (hours < 0 && !c.minute.n) return 0;
    if (hours < 0) hours = c.hour.value;
    if (!take_offset(t, &offset) || hours > 23 || c.minute.value > 59 || c.second.value > 59 || t->s[t->at]) return 0;
    *seconds = hours * 3600 + c.minute.value * 60 + c.second.value - offset;
    *fraction = c.fraction;
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

static void civil_from_days(int days, int *y, int *m, int *d) {
    int z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100), mp = (5 * of_year + 2) / 153;
    *d = of_year - (153 * mp + 2) / 5 + 1;
    *m = mp + (mp < 10 ? 3 : -9);
    *y = year + era * 400 + (*m <= 2);
}

/* ISO 8601: a week is of the year that its Thursday is of, which is y or one beside it. */
static int week_of(int thursday, int y) {
    int first = days_from_civil(y + 1, 1, 1);
    if (thursday < first) first = days_from_civil(y, 1, 1);
    if (thursday < first) first = days_from_civil(y - 1, 1, 1);
    return (thursday - first) / 7 + 1;
}

static int64_t floor_part(int64_t x, int64_t by) { return x / by - (x % by < 0); }

/* A plain decimal number → days, seconds and a fraction of a second; 0 for other text and for years beyond 1–9999. */
static int take_number(scan *t, int digits, int *days, int *seconds, double *fraction) {
    static const double TENS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    int64_t whole = 0, by = digits == PLAN_MILLIS ? 1000 : digits == PLAN_MICROS ? 1000000 : 1, second, day;
    int minus = take(t, "-", 1), n = 0, part = 0, run = digits_next(t);
    if (!run || run > 18) return 0;
    while (is_digit(t->s[t->at])) whole = whole * 10 + (t->s[t->at++] - '0');
    if (take(t, ".", 1))
        for (; is_digit(t->s[t->at]); t->at++, n++)
            if (n < 9) part = part * 10 + (t->s[t->at] - '0');
    if (t->s[t->at]) return 0;
    *fraction = part / TENS[n < 9 ? n : 9];
    if (digits == PLAN_EXCEL) {
        if (minus) return 0;
        day = whole - 25569;
        *seconds = (int)floor(*fraction * 86400.0 + 0.5);
        *fraction = 0.0;
    } else {
        if (minus) whole = -whole;
        second = floor_part(whole, by);
        if (by > 1) *fraction = (double)(whole - second * by) / (double)by;
        else if (minus) *fraction = 0.0;
        day = floor_part(second, 86400);
        *seconds = (int)(second - day * 86400);
    }
    *days = day < -719162 || day >= 2932896 ? 0 : (int)day;
    return day >= -719162 && day < 2932896;
}

/* U+00C0 to U+00FF without accents; ? belongs to no date. */
static const char LATIN[] = "aaaaaaaceeeeiiiidnooooo?ouuuuyt?aaaaaaaceeeeiiiidnooooo?ouuuuyty";

/* Lower-case ASCII; 0 where the text holds what no date does. */
static int fold(scan *t, const char *s, size_t n) {
    int at = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i], next = i + 1 < n ? (unsigned char)s[i + 1] : 0;
        if (!c) return 0;
        if (c < 0x80) {
            t->s[at++] = (char)(c >= 'A' && c <= 'Z' ? c | 32 : c);
        } else if (c == 0xC3 && next >= 0x80 && next < 0xC0) {
            t->s[at++] = LATIN[next - 0x80];
            i++;
        } else if (c == 0xC2 && next == 0xA0) {
            t->s[at++] = ' ';
            i++;
        } else if (i + 2 < n && c == 0xE2 && next == 0x80 && (s[i + 2] == '\x89' || s[i + 2] == '\xAF')) {
            t->s[at++] = ' ';
            i += 2;
        } else {
            return 0;
        }
    }
    t->s[at] = 0;
    return 1;
}

int plan_parse_date(const char *s, size_t n, int order, int digits, double part[PLAN_DATE_PARTS]) {
    scan t = {.at = 0};
    int date[3], seconds, days, year, month, day, weekday;
    double fraction;
    if (!n || n > PLAN_DATE_BYTES || !fold(&t, s, n)) return 0;
    if (digits < PLAN_SECONDS || !take_number(&t, digits, &days, &seconds, &fraction)) {
        t.at = 0;
        if (!take_date(&t, order, digits, date) || !take_time(&t, &seconds, &fraction)) return 0;
        days = days_from_civil(date[0], date[1], date[2]);
    }
    while (seconds < 0) seconds += 86400, days--;
    while (seconds >= 86400) seconds -= 86400, days++;
    civil_from_days(days, &year, &month, &day);
    weekday = ((days + 3) % 7 + 7) % 7;
    part[0] = days + (seconds + fraction) / 86400.0;
    part[1] = month;
    part[2] = weekday;
    part[3] = day;
    part[4] = seconds / 3600;
    part[5] = days - days_from_civil(year, 1, 1) + 1;
    part[6] = week_of(days + 3 - weekday, year);
    return 1;
}
