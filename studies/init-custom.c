/*
 * Any scheme, your own or one of PyTorch's or Keras': --initializer NAME[:key=value,...], and
 * --bias likewise; --list shows what there is.
 */
#include <fanin.h>

int main(int argc, char **argv)
{
    return fi_init_study(argc, argv, &(fi_init_scheme){.name = "init-custom"});
}
