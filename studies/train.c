/* One net trained from its first weights: any data, scheme and solver; snapshots and resuming. */
#include <fanin.h>

int main(int argc, char **argv)
{
    return fi_train_study(argc, argv,
                          &(fi_train_scheme){
                              .name = "train",
                              .about = "trains one net by mini-batch gradient descent.",
                              .defaults = {.depth = 2, .width = 256, .batch = 128, .rate = 0.05},
                          });
}
