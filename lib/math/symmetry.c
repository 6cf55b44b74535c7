/*
 * Symmetry: units that are copies of each other, found by partition refinement. All columns start
 * in one class; each row splits every class of two or more by value, until no class is left or the
 * rows are. Random columns part in a few rows; equal ones cost one comparison an element. Columns
 * whose first rows hash like no other's are distinct, and need not be in any class.
 */
#include "symmetry.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <math.h>
#include <string.h>

enum {
    HASHED = 16, /* rows: with half of the values 0, few columns are 0 in all */
    AHEAD = 16,  /* rows for which memory is asked while columns are compared */
    FEW = 32     /* a class with a smaller share of the columns has few */
};

#ifdef FI_DOUBLE
typedef uint64_t key;
#else
typedef uint32_t key;
#endif

struct class
{
    size_t begin, end; /* a range of `column`, two members or more */
};

struct partition {
    size_t *column;       /* all columns, class by class */
    fi_real *value;       /* beside it: the members' values in the current row */
    key *member;          /* of each column: not 0 for those of one class */
    struct class *open;   /* classes still to be split by the current row */
    struct class *closed; /* classes equal in the current row */
    size_t n_open, n_closed, singles;
};

/* Equal for equal values, where -0 equals 0 and NaN equals NaN. */
static inline key key_of(fi_real x)
{
    key bits;
    memcpy(&bits, &x, sizeof bits);
    bits = x == 0 ? 0 : bits;
    return x != x ? ~(key)0 : bits;
}

FI_CLONES static bool all_equal(size_t n, const fi_real *x)
{
    const key first = key_of(x[0]);
    key difference = 0;
    for (size_t i = 0; i < n; i++)
        difference |= key_of(x[i]) ^ first;
    return difference == 0;
}

/* Puts columns begin .. end - 1 into `list` as a class, unless they are fewer than two. */
static void add_class(struct partition *p, struct class *list, size_t *count, size_t begin,
                      size_t end)
{
    if (end - begin >= 2)
        list[(*count)++] = (struct class){begin, end};
    p->singles += end - begin == 1;
}

static void swap_columns(struct partition *p, size_t i, size_t j)
{
    const size_t column = p->column[i];
    const fi_real value = p->value[i];
    p->column[i] = p->column[j];
    p->value[i] = p->value[j];
    p->column[j] = column;
    p->value[j] = value;
}

/* Three ways (Dijkstra 1976): the members equal to a pivot are done, the others open classes. */
static void split(struct partition *p, struct class c)
{
    const key pivot = key_of(p->value[c.begin + (c.end - c.begin) / 2]);
    size_t less = c.begin, i = c.begin, greater = c.end;
    while (i < greater) {
        const key k = key_of(p->value[i]);
        if (k < pivot)
            swap_columns(p, i++, less++);
        else if (k > pivot)
            swap_columns(p, i, --greater);
        else
            i++;
    }
    add_class(p, p->open, &p->n_open, c.begin, less);
    add_class(p, p->closed, &p->n_closed, less, greater);
    add_class(p, p->open, &p->n_open, greater, c.end);
}

/* Whether the columns for which `member` is not 0 have this value in the row. */
FI_CLONES static bool all_have(size_t cols, const fi_real *restrict row, fi_real value,
                               const key *restrict member)
{
    key other = 0;
    for (size_t c = 0; c < cols; c++)
        other |= row[c] != value ? member[c] : 0;
    return other == 0;
}

/*
 * How many rows from here on have one value in all columns of the only class left, if it has so
 * many that a visit of whole rows is faster than one of its columns: such as dead units.
 */
static size_t equal_rows(struct partition *p, size_t rows, size_t cols, const fi_real *x)
{
    if (p->n_open != 1)
        return 0;
    const size_t *const column = p->column + p->open[0].begin;
    const size_t count = p->open[0].end - p->open[0].begin;
    size_t r = 0;
    if (count < cols / FEW)
        return 0;
    memset(p->member, 0, cols * sizeof *p->member);
    for (size_t i = 0; i < count; i++)
        p->member[column[i]] = ~(key)0;
    while (r < rows && all_have(cols, x + r * cols, x[r * cols + column[0]], p->member))
        r++;
    return r;
}

/* Splits every class by its members' values in the row. */
static void refine(struct partition *p, const fi_real *row, size_t cols)
{
    p->n_closed = 0;
    while (p->n_open > 0) {
        const struct class c = p->open[--p->n_open];
        for (size_t i = c.begin; i < c.end; i++) {
            p->value[i] = row[p->column[i]];
            __builtin_prefetch(row + AHEAD * cols + p->column[i]);
        }
        if (all_equal(c.end - c.begin, p->value + c.begin))
            p->closed[p->n_closed++] = c;
        else
            split(p, c);
    }
    struct class *const closed = p->closed;
    p->closed = p->open;
    p->open = closed;
    p->n_open = p->n_closed;
}

/* hash (cols) of the columns of x (rows, cols): each value goes in by a multiplication, mod 2^32.
 */
FI_CLONES static void hash_columns(size_t rows, size_t cols, const fi_real *restrict x,
                                   uint32_t *restrict hash)
{
    memset(hash, 0, cols * sizeof *hash);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            const uint64_t k = key_of(x[r * cols + c]);
            hash[c] = (hash[c] ^ (uint32_t)k ^ (uint32_t)(k >> 32)) * UINT32_C(2654435769);
        }
}

/*
 * One class of the columns that share a bucket, by the upper bits of their hash; singles, others.
 * Those for which nonzero is 0, if it is not NULL, are left out.
 */
static void add_sharing_columns(struct partition *p, size_t cols, const fi_real *nonzero,
                                const uint32_t *hash, unsigned bits, uint8_t *bucket)
{
    size_t sharing = 0;
    for (size_t c = 0; c < cols; c++) {
        uint8_t *const b = &bucket[hash[c] >> (32 - bits)];
        if (!nonzero || nonzero[c] != 0)
            *b = (uint8_t)(*b ? 2 : 1);
    }
    for (size_t c = 0; c < cols; c++) {
        if (nonzero && nonzero[c] == 0)
            continue;
        const bool shares = bucket[hash[c] >> (32 - bits)] > 1;
        p->column[sharing] = c;
        sharing += shares;
        p->singles += !shares;
    }
    add_class(p, p->open, &p->n_open, 0, sharing);
}

size_t fi_distinct_columns(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    return fi_distinct_columns_knowing(rows, cols, x, NULL, scratch);
}

size_t fi_distinct_columns_knowing(size_t rows, size_t cols, const fi_real *x,
                                   const fi_real *nonzero, fi_arena *scratch)
{
    FI_REQUIRE((x || rows == 0 || cols == 0) && scratch);
    size_t zeros = 0;
    for (size_t c = 0; nonzero && c < cols; c++)
        zeros += nonzero[c] == 0;
    if (cols < 2)
        return cols;
    unsigned bits = 1; /* of 16 buckets a column or more: 1 in 16 shares one by chance */
    while (bits < 31 && (size_t)1 << bits < 16 * cols)
        bits++;
    uint32_t *hash = fi_arena_alloc(scratch, cols, sizeof *hash);
    uint8_t *bucket = fi_arena_zeros(scratch, (size_t)1 << bits, sizeof *bucket);
    struct partition p = {.column = fi_arena_alloc(scratch, cols, sizeof *p.column),
                          .value = fi_arena_alloc(scratch, cols, sizeof *p.value),
                          .member = fi_arena_alloc(scratch, cols, sizeof *p.member),
                          .open = fi_arena_alloc(scratch, cols / 2, sizeof *p.open),
                          .closed = fi_arena_alloc(scratch, cols / 2, sizeof *p.closed)};
    if (!hash || !bucket || !p.column || !p.value || !p.member || !p.open || !p.closed) {
        (void)fi_fail_memory(cols * (sizeof *p.column + sizeof *p.value + sizeof *p.open),
                             "comparing columns");
        return 0;
    }
    hash_columns(rows < HASHED ? rows : HASHED, cols, x, hash);
    add_sharing_columns(&p, cols, nonzero, hash, bits, bucket);
    size_t r = 0;
    while (p.n_open > 0 && r < rows && all_equal(cols, x + r * cols))
        r++;
    for (; r < rows && p.n_open > 0; r++) {
        refine(&p, x + r * cols, cols);
        r += equal_rows(&p, rows - r - 1, cols, x + (r + 1) * cols);
    }
    return p.singles + p.n_open + (zeros > 0);
}

/* ---- up to a tolerance ----------------------------------------------------------------------- */

static bool alike(size_t rows, size_t cols, const fi_real *x, double tolerance, size_t i, size_t j)
{
    for (size_t r = 0; r < rows; r++) {
        const double a = (double)x[r * cols + i];
        const double b = (double)x[r * cols + j];
        if (!(fabs(a - b) <= tolerance) && key_of(x[r * cols + i]) != key_of(x[r * cols + j]))
            return false;
    }
    return true;
}

/* Each column is held against those that stand for one of their kind; random ones part at once. */
size_t fi_unlike_columns(size_t rows, size_t cols, const fi_real *x, double tolerance,
                         fi_arena *scratch)
{
    FI_REQUIRE((x || rows == 0 || cols == 0) && scratch && tolerance >= 0);
    size_t *const first = fi_arena_alloc(scratch, cols + 1, sizeof *first);
    size_t kinds = 0;
    if (!first) {
        (void)fi_fail_memory(cols * sizeof *first, "comparing columns");
        return 0;
    }
    for (size_t c = 0; c < cols; c++) {
        size_t k = 0;
        while (k < kinds && !alike(rows, cols, x, tolerance, first[k], c))
            k++;
        if (k == kinds)
            first[kinds++] = c;
    }
    return kinds;
}
