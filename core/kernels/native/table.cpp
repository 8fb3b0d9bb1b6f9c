#include "core/kernels/native/table.hpp"

#include "core/kernels/native/activation.hpp"
#include "core/kernels/native/conv.hpp"
#include "core/kernels/native/global_pool.hpp"
#include "core/kernels/native/layer_norm.hpp"
#include "core/kernels/native/linear.hpp"
#include "core/kernels/native/losses.hpp"
#include "core/kernels/native/metrics.hpp"
#include "core/kernels/native/movement.hpp"
#include "core/kernels/native/norm.hpp"
#include "core/kernels/native/optimizer_update.hpp"
#include "core/kernels/native/pool.hpp"
#include "core/kernels/native/upsample.hpp"

namespace aureole::native {

std::vector<Implementation> const& implementations() {
    static std::vector<Implementation> const table{
        {"conv", "native", make_conv, true},
        {"conv_input_gradient", "native", make_conv_input_gradient, true},
        {"conv_weight_gradient", "native", make_conv_weight_gradient, true},
        {"transposed_conv", "native", make_transposed_conv, true},
        {"bias_gradient", "native", make_bias_gradient, true},
        {"linear", "native", make_linear},
        {"linear_input_gradient", "native", make_linear_input_gradient},
        {"linear_weight_gradient", "native", make_linear_weight_gradient},
        {"pool", "native", make_pool, true},
        {"pool_input_gradient", "native", make_pool_input_gradient, true},
        {"global_pool", "native", make_global_pool},
        {"global_pool_input_gradient", "native", make_global_pool_input_gradient},
        {"upsample", "native", make_upsample, true},
        {"upsample_input_gradient", "native", make_upsample_input_gradient, true},
        {"activation", "native", make_activation, true},
        {"activation_input_gradient", "native", make_activation_input_gradient, true},
        {"norm_statistics", "native", make_norm_statistics},
        {"norm_moments", "native", make_norm_moments},
        {"norm_finish", "native", make_norm_finish},
        {"running_statistics", "native", make_running_statistics},
        {"normalize", "native", make_normalize, true},
        {"norm_reduce", "native", make_norm_reduce, true},
        {"norm_input_gradient", "native", make_norm_input_gradient, true},
        {"layer_norm", "native", make_layer_norm},
        {"layer_norm_input_gradient", "native", make_layer_norm_input_gradient},
        {"layer_norm_weight_gradient", "native", make_layer_norm_weight_gradient},
        {"softmax_cross_entropy", "native", make_softmax_cross_entropy},
        {"softmax_cross_entropy_input_gradient", "native", make_softmax_cross_entropy_input_gradient},
        {"bce_with_logits", "native", make_bce_with_logits},
        {"bce_with_logits_input_gradient", "native", make_bce_with_logits_input_gradient},
        {"dice", "native", make_dice},
        {"dice_sums", "native", make_dice_sums},
        {"dice_finish", "native", make_dice_finish},
        {"dice_input_gradient", "native", make_dice_input_gradient},
        {"metric_confusion", "native", make_metric_confusion},
        {"add", "native", make_add, true},
        {"cast", "native", make_cast, true},
        {"concat", "native", make_concat, true},
        {"slice", "native", make_slice},
        {"slice_input_gradient", "native", make_slice_input_gradient},
        {"dropout", "native", make_dropout, true},
        {"optimizer_update", "native", make_optimizer_update},
    };
    return table;
}

}  // namespace aureole::native
