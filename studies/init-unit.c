/* Method 3. Unit random numbers, w ~ N(0, 1): almost all tanh units saturate at -1 or 1. */
#include <fanin.h>

int main(int argc, char **argv)
{
    return fi_init_study(argc, argv,
                         &(fi_init_scheme){
                             .name = "init-unit",
                             .initializer = "unit_normal",
                             .about = "w = randn(fan_in, fan_out)",
                         });
}
