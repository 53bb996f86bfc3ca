/* Records of anyone, against plans of every kind: the files in the folder that $PLANS names. An input chooses a plan
 * with its first byte; then comes a cell a column: a byte for its kind, eight for a number, or two for the length of a
 * text or list, and it. What is missing at the end is a missing value. */
#include "harness.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PLANS = 256, MOST_COLUMNS = 64 };

static plan *plans[MOST_PLANS];
static double expected[MOST_PLANS];     /* what the first output's attributions lack to be its margin */
static int n_plans;

static double total(const double *phi, uint32_t n) {
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) sum += phi[i];
    return sum;
}

static void load(const char *path) {
    cell none[MOST_COLUMNS] = {{0, 0, NULL, 0}};
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(1 << 22);
    size_t size = file && data ? fread(data, 1, 1 << 22, file) : 0;
    plan *p = harness_open(data, size, 1);
    answer a;
    if (file) fclose(file);
    free(data);
    if (!p || p->n_columns > MOST_COLUMNS) harness_fail(path);
    a = harness_score(p, none, 0);
    expected[n_plans] = a.margins[0] - total(a.phi, p->n_inputs);
    harness_free(&a);
    plans[n_plans++] = p;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *folder = getenv("PLANS");
    struct dirent **names = NULL;
    int n = folder ? scandir(folder, &names, NULL, alphasort) : -1;    /* sorted: an input means the same plan each time */
    char path[4096];
    (void)argc;
    (void)argv;
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && n_plans < MOST_PLANS) load(path);
        free(names[i]);
    }
    free(names);
    if (!n_plans) harness_fail("no plans in $PLANS");
    return 0;
}

static uint8_t take(const uint8_t **at, size_t *left) {
    if (!*left) return 0;
    --*left;
    return *(*at)++;
}

/* The text is a copy of its own, so that the sanitizer sees the first byte read behind it. */
static cell take_cell(const uint8_t **at, size_t *left) {
    cell c = {take(at, left) % 4, 0, NULL, 0};
    if (c.kind == 1) {
        size_t n = *left < sizeof c.number ? *left : sizeof c.number;
        memcpy(&c.number, *at, n);
        *at += n, *left -= n;
    } else if (c.kind >= 2) {
        size_t n = take(at, left) | (size_t)take(at, left) << 8;
        char *copy = malloc(n = n < *left ? n : *left);
        if (n) memcpy(copy, *at, n);
        *at += n, *left -= n;
        c.text = copy, c.bytes = n;
    }
    return c;
}

static double parse(const char *s, size_t n, int choices) {
    const plan_number_format f = {.decimal_comma = choices & 1, .unit_tail = choices >> 1 & 1, .clock = choices >> 2 & 1};
    return plan_parse_number(s, n, &f);
}

/* Plain decimal text is what strtod says it is. */
static void check_number(const char *s, size_t n) {
    char copy[256];
    size_t i = 0, digits = 0;
    double ours, theirs;
    if (n >= sizeof copy) return;
    if (i < n && s[i] == '-') i++;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) digits++;
    if (i < n && s[i] == '.')
        for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++) digits++;
    if (i != n || !digits) return;
    memcpy(copy, s, n);
    copy[n] = 0;
    ours = parse(s, n, 0);
    theirs = strtod(copy, NULL);
    if (ours != theirs) harness_fail("a plain number is read wrongly");
}

static void check_date(const char *s, size_t n, int order, int digits) {
    double part[PLAN_DATE_PARTS];
    if (!plan_parse_date(s, n, order, digits, part)) return;
    if (!(part[0] > -1e6 && part[0] < 4e6) || part[1] < 1 || part[1] > 12 || part[2] < 0 || part[2] > 6 || part[3] < 1 || part[3] > 31
        || part[4] < 0 || part[4] > 23 || part[5] < 1 || part[5] > 366 || part[6] < 1 || part[6] > 53) harness_fail("a date's part is out of range");
}

static void check_text(const cell *c) {
    const char *s = c->text;
    size_t n;
    if (c->kind != 2) return;
    n = plan_strip(&s, c->bytes);
    check_number(s, n);
    for (int order = PLAN_YMD; order <= PLAN_DMY; order++)
        for (int digits = 0; digits <= PLAN_EXCEL; digits++) check_date(s, n, order, digits);
    for (int i = 0; i < 8; i++) parse(s, n, i);
}

static void check_answer(const plan *p, const answer *a, double base) {
    double sum = base + total(a->phi, p->n_inputs), scale = 1.0;
    for (uint32_t k = 0; k < p->n_outputs; k++)
        if (a->scores[k] != a->scores[k]) harness_fail("a score is not a number");
    for (uint32_t c = 0; c < p->n_inputs; c++) scale += fabs(a->phi[c]);
    if (!(fabs(sum - a->margins[0]) <= 1e-4 * scale)) harness_fail("the attributions do not add up to the margin");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cell cells[MOST_COLUMNS];
    int which = take(&data, &size) % n_plans;
    const plan *p = plans[which];
    answer first, second;
    for (uint32_t k = 0; k < p->n_columns; k++) {
        cells[k] = take_cell(&data, &size);
        check_text(cells + k);
    }
    first = harness_score(p, cells, 0);
    second = harness_score(p, cells, 0);
    if (!harness_same(p, &first, &second)) harness_fail("the same record scores differently");
    check_answer(p, &first, expected[which]);
    harness_free(&first);
    harness_free(&second);
    for (uint32_t k = 0; k < p->n_columns; k++) free((void *)(uintptr_t)cells[k].text);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    (void)seed;
    return LLVMFuzzerMutate(data, size, max_size);
}
