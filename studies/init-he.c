/* Method 5. He et al. 2015: w ~ N(0, 2/fan_in) keeps a ReLU network's variance. */
#include <fanin.h>

int main(int argc, char **argv)
{
    return fi_init_study(argc, argv,
                         &(fi_init_scheme){
                             .name = "init-he",
                             .initializer = "he_normal",
                             .about = "w = randn(fan_in, fan_out) / sqrt(fan_in / 2)",
                         });
}
