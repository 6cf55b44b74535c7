/*
 * Method 4. Xavier, after Glorot & Bengio 2010: w ~ N(0, 1/fan_in) keeps the variance of a linear
 * layer, and of tanh near 0; ReLU halves it in every layer.
 */
#include <fanin.h>

int main(int argc, char **argv)
{
    return fi_init_study(argc, argv,
                         &(fi_init_scheme){
                             .name = "init-xavier",
                             .initializer = "xavier_normal",
                             .about = "w = randn(fan_in, fan_out) / sqrt(fan_in)",
                         });
}
