/* What writing, restoring and loading snapshots share: the arrays of a net, and their match. */
#ifndef FI_STUDY_SNAPSHOT_H
#define FI_STUDY_SNAPSHOT_H

#include "../fanin.h"

#include <string.h>

/* Arrays are called net/LAYER/... and solver/LAYER/...; the attribute net/LAYER is its kind. */
#define FI_SNAPSHOT_NET "net/"
#define FI_SNAPSHOT_SOLVER "solver/"

static inline bool fi_begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Arrays as they are called in a file, with their memory in the net. */
typedef struct fi_array_list {
    fi_arena *arena;
    size_t count, capacity;
    fi_array *arrays;
} fi_array_list;

/* What a net and its solver are beside parameters, state and histories. */
typedef struct fi_progress {
    uint64_t trainings, iteration;
    /*
     * (layers): 1 where LSUV has no more weights to scale. It scales drawn weights in the first
     * FI_TRAIN pass, and loaded ones never.
     */
    uint32_t *settled;
} fi_progress;

/*
 * Adds all arrays of a net that has its values, of its solver, which may be NULL, and of their
 * progress, which is filled in. Fails with FI_ENOMEM.
 */
FI_CHECKED fi_status fi_snapshot_list(fi_array_list *list, const fi_net *net,
                                      const fi_solver *solver, fi_progress *progress);

/* Adds net/LAYER/weight, bias or what else the layer keeps. Fails with FI_ENOMEM. */
FI_CHECKED fi_status fi_snapshot_list_layer(fi_array_list *list, const fi_layer *layer);

/* FI_EDATA, which ends with the remedy, unless the file has each array of the list in its shape. */
FI_CHECKED fi_status fi_snapshot_match(const fi_snapshot *snapshot, const fi_array_list *list,
                                       const char *remedy);

/* Copies what matches to where the list's arrays have their memory. */
void fi_snapshot_copy(const fi_snapshot *snapshot, const fi_array_list *list);

/* FI_EDATA if the net has a layer's name twice, or one that cannot be that of a group. */
FI_CHECKED fi_status fi_snapshot_check_names(const fi_net *net);

#endif
