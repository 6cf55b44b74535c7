/* The Jacobian of a layer's activations by the network's input, at the first sample. */
#include "jacobian.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../math/gemm.h"

#include <math.h>
#include <string.h>

fi_status fi_jacobian_new(fi_jacobian *jacobian, size_t inputs, size_t widest, uint64_t seed,
                          fi_arena *arena)
{
    const bool exact = inputs <= FI_JACOBIAN_EXACT;
    const size_t rows = exact ? inputs : FI_JACOBIAN_PROBES;
    *jacobian = (fi_jacobian){.rows = rows, .inputs = inputs, .widest = widest, .exact = exact};
    jacobian->tangents = fi_arena_zeros(arena, rows * widest, sizeof(fi_real));
    jacobian->next = fi_arena_zeros(arena, rows * widest, sizeof(fi_real));
    jacobian->z = fi_arena_zeros(arena, 3 * widest, sizeof(fi_real));
    if (!jacobian->tangents || !jacobian->next || !jacobian->z)
        return FI_ENOMEM;
    jacobian->ones = jacobian->z + widest;
    jacobian->slopes = jacobian->ones + widest;
    for (size_t c = 0; c < widest; c++)
        jacobian->ones[c] = 1;
    if (exact) {
        for (size_t r = 0; r < rows; r++)
            jacobian->tangents[r * inputs + r] = 1;
    } else {
        fi_rng rng = fi_rng_stream(seed, FI_FOR_PROBE, 0, 0);
        fi_draw(&rng, FI_NORMAL, 1, rows * inputs, jacobian->tangents);
    }
    return FI_OK;
}

void fi_jacobian_at(fi_jacobian *jacobian, const fi_layer *layer)
{
    const fi_blob *z = fi_layer_output(layer);
    memcpy(jacobian->z, z->data, z->cols * sizeof *z->data);
}

void fi_jacobian_dense(fi_jacobian *jacobian, const fi_layer *layer)
{
    const fi_blob *w = fi_layer_parameter(layer, 0);
    fi_gemm(FI_AS_IS, FI_AS_IS, jacobian->rows, w->cols, w->rows, jacobian->tangents, w->data, 0,
            jacobian->next);
    fi_real *last = jacobian->tangents;
    jacobian->tangents = jacobian->next;
    jacobian->next = last;
}

void fi_jacobian_activation(fi_jacobian *jacobian, const fi_layer *layer,
                            const fi_activation *activation)
{
    const fi_blob *a = fi_layer_output(layer);
    activation->backward(a->cols, jacobian->z, a->data, jacobian->ones, jacobian->slopes);
    for (size_t r = 0; r < jacobian->rows; r++)
        for (size_t c = 0; c < a->cols; c++)
            jacobian->tangents[r * a->cols + c] *= jacobian->slopes[c];
}

/* Scales the tangents to a greatest element of 1, so that no product overflows; gives the scale. */
static double normalized(const fi_jacobian *jacobian, size_t units, fi_real *scaled)
{
    const size_t count = jacobian->rows * units;
    double greatest = 0;
    for (size_t k = 0; k < count; k++)
        greatest = fmax(greatest, fabs((double)jacobian->tangents[k]));
    for (size_t k = 0; k < count; k++)
        scaled[k] = greatest > 0 ? (fi_real)((double)jacobian->tangents[k] / greatest) : 0;
    return greatest;
}

void fi_jacobian_moments(const fi_jacobian *jacobian, size_t units, double *mean, double *spread,
                         fi_arena *scratch)
{
    const size_t rows = jacobian->rows;
    fi_real *scaled = fi_arena_alloc(scratch, rows * units, sizeof *scaled);
    fi_real *gram = fi_arena_alloc(scratch, rows * rows, sizeof *gram);
    *mean = *spread = (double)NAN;
    if (!scaled || !gram)
        return;
    const double scale = normalized(jacobian, units, scaled);
    fi_gemm(FI_AS_IS, FI_TRANSPOSED, rows, rows, units, scaled, scaled, 0, gram);
    double trace = 0;
    double pairs = 0; /* the sum of the squares off the diagonal */
    double squares = 0;
    for (size_t i = 0; i < rows; i++) {
        const double own = (double)gram[i * rows + i];
        trace += own;
        squares += own * own;
        for (size_t j = 0; j < rows; j++)
            if (j != i)
                pairs += (double)gram[i * rows + j] * (double)gram[i * rows + j];
    }
    const double n = (double)(jacobian->inputs < units ? jacobian->inputs : units);
    const double probes = (double)rows;
    const double first = jacobian->exact ? trace / n : trace / probes / n;
    const double second =
        jacobian->exact ? (squares + pairs) / n : pairs / (probes * (probes - 1)) / n;
    *mean = first * scale * scale;
    *spread = sqrt(fmax(second - first * first, 0)) * scale * scale;
}
