/* Method 1. w = 0: every unit of a layer computes the same and learns the same. */
#include <fanin.h>

int main(int argc, char **argv)
{
    return fi_init_study(argc, argv,
                         &(fi_init_scheme){
                             .name = "init-zero",
                             .initializer = "zeros",
                             .about = "w = 0",
                             .symmetry = true,
                         });
}
