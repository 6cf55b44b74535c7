/*
 * Method 2. Small random numbers, w ~ N(0, 0.01^2): fine for shallow nets, the signal of a
 * deep one dies.
 */
#include <fanin.h>

int main(int argc, char **argv)
{
    return fi_init_study(argc, argv,
                         &(fi_init_scheme){
                             .name = "init-small",
                             .initializer = "small_normal",
                             .about = "w = 0.01 randn(fan_in, fan_out)",
                         });
}
