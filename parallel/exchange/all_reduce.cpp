#include "parallel/exchange/all_reduce.hpp"

#include <array>
#include <limits>
#include <utility>

#include "core/error.hpp"
#include "core/graph/memory_plan.hpp"
#include "core/kernels/launch.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/exchange/combine.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

/// buffer[i * stride] = values[i], or the other way round.
template <class T, class B>
struct Pack {
    T* values;
    B* buffer;
    Index stride;
    bool back;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            if (back) {
                values[i] = static_cast<T>(buffer[i * stride]);
            } else {
                buffer[i * stride] = static_cast<B>(values[i]);
            }
        }
    }
};

template <class B>
void move(Tensor const& tensor, B* buffer, Index stride, bool back) {
    Index const count = tensor.shape.volume();
    char const* const label = back ? "aureole::all_reduce::unpack" : "aureole::all_reduce::pack";
    switch (tensor.dtype) {
        case DType::f64: for_elements(label, count, Pack<double, B>{tensor.as<double>(), buffer, stride, back}); break;
        case DType::f32: for_elements(label, count, Pack<float, B>{tensor.as<float>(), buffer, stride, back}); break;
        case DType::bf16:
            for_elements(label, count, Pack<BFloat16, B>{tensor.as<BFloat16>(), buffer, stride, back});
            break;
        case DType::i32:
            for_elements(label, count, Pack<std::int32_t, B>{tensor.as<std::int32_t>(), buffer, stride, back});
            break;
        default: fail(ExitCode::internal, "{}: {} cannot be combined", label, name_of(tensor.dtype));
    }
}

template <class B>
struct FillNeutral {
    B* buffer;
    bool maximum;  ///< pairs (value, place)
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) { buffer[i] = !maximum ? B(0) : B(i % 2 == 0 ? -1.0 / 0.0 : 2147483647.0); }
    }
};

template <class T>
struct Fill {
    T* values;
    T value;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) { values[i] = value; }
    }
};

template <class T>
void fill(Tensor const& tensor, T value) {
    for_elements("aureole::all_reduce::neutral_tensor", tensor.shape.volume(), Fill<T>{tensor.as<T>(), value});
}

template <class How>
void combine_by_mpi(void* in, void* in_out, int* length, MPI_Datatype* /*type*/) {
    auto const* from = static_cast<typename How::Number const*>(in);
    auto* to = static_cast<typename How::Number*>(in_out);
    for (int i = 0; i < *length; ++i) { How::combine(from + How::group * i, to + How::group * i); }
}

}  // namespace

AllReduce::AllReduce(Combine combine, std::vector<TensorSpec> tensors, Ranks ranks)
    : combine_(combine), specs_(std::move(tensors)), empty_(ranks.empty) {
    bool const plain = specs_[0].dtype == DType::f32 || specs_[0].dtype == DType::f64;
    bool const pairs = combine_ == Combine::maximum;
    in_place_ = !pairs && specs_.size() == 1 && plain;
    dtype_ = specs_[0].dtype == DType::bf16 ? DType::f32 : specs_[0].dtype;
    if (pairs) { dtype_ = DType::f64; }
    group_ = combine_ == Combine::moments ? 3 : pairs ? 2 : 1;
    for (TensorSpec const& spec : specs_) {
        if (spec.dtype == DType::f64) { dtype_ = DType::f64; }
        elements_ += static_cast<std::size_t>(spec.local().volume());
    }
    bool const pairwise = ranks.in_pairs && PairwiseReduce::suits(ranks.count, message_bytes());
    if (pairwise) { pairwise_.emplace(combine_, dtype_, elements_); }
}

AllReduce::~AllReduce() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized != 0 || op_ == MPI_OP_NULL) { return; }
    MPI_Op_free(&op_);
    MPI_Type_free(&type_);
}

std::size_t AllReduce::packed_bytes() const { return in_place_ ? 0 : align_up(message_bytes()); }

void AllReduce::make_operation() {
    if (pairwise_ || combine_ == Combine::sum || op_ != MPI_OP_NULL) { return; }
    static constexpr std::array<MPI_User_function*, 3> functions{nullptr, combine_by_mpi<CombineMoments>,
                                                                 combine_by_mpi<CombineMaxima>};
    check_mpi(MPI_Op_create(functions[static_cast<std::size_t>(combine_)], 1, &op_), "MPI_Op_create");
    check_mpi(MPI_Type_contiguous(static_cast<int>(group_), MPI_DOUBLE, &type_), "MPI_Type_contiguous");
    check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
}

void AllReduce::bind(Comm const& comm, int tag, std::vector<Tensor> tensors, std::byte* buffer) {
    comm_ = comm.get();
    make_operation();
    tensors_ = std::move(tensors);
    buffer_ = in_place_ ? static_cast<std::byte*>(tensors_[0].data) : buffer;
    if (pairwise_) {
        pairwise_->bind(comm, tag, buffer_, buffer + packed_bytes());
    } else {
        span_ = MessageSpan(buffer_, message_bytes());
    }
}

void AllReduce::pack() const {
    if (empty_) {
        auto const count = static_cast<Index>(elements_);
        bool const maximum = combine_ == Combine::maximum;
        if (dtype_ == DType::f64) {
            for_elements("aureole::all_reduce::neutral", count,
                         FillNeutral<double>{reinterpret_cast<double*>(buffer_), maximum});
        } else {
            for_elements("aureole::all_reduce::neutral", count,
                         FillNeutral<float>{reinterpret_cast<float*>(buffer_), maximum});
        }
        return;
    }
    if (in_place_) { return; }
    bool const interleaved = group_ == 2;
    std::size_t offset = 0;
    for (Tensor const& tensor : tensors_) {
        Index const stride = interleaved ? 2 : 1;
        if (dtype_ == DType::f64) {
            move(tensor, reinterpret_cast<double*>(buffer_) + offset, stride, false);
        } else {
            move(tensor, reinterpret_cast<float*>(buffer_) + offset, stride, false);
        }
        offset += interleaved ? 1 : static_cast<std::size_t>(tensor.shape.volume());
    }
}

void AllReduce::unpack() const {
    if (in_place_) { return; }
    bool const interleaved = group_ == 2;
    std::size_t offset = 0;
    for (Tensor const& tensor : tensors_) {
        Index const stride = interleaved ? 2 : 1;
        if (dtype_ == DType::f64) {
            move(tensor, reinterpret_cast<double*>(buffer_) + offset, stride, true);
        } else {
            move(tensor, reinterpret_cast<float*>(buffer_) + offset, stride, true);
        }
        offset += interleaved ? 1 : static_cast<std::size_t>(tensor.shape.volume());
    }
}

void AllReduce::begin() {
    pack();
    fence("partial sums are handed to MPI");
    if (pairwise_) {
        pairwise_->begin();
        return;
    }
    span_.to_mpi();
    bool const sum = combine_ == Combine::sum;
    MPI_Datatype const type = sum ? mpi_type(dtype_) : type_;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, span_.address(), mpi_count(elements_ / group_), type, sum ? MPI_SUM : op_,
                             comm_, &request_),
              "MPI_Iallreduce");
}

void AllReduce::finish() {
    if (pairwise_) {
        pairwise_->finish();
    } else {
        wait_all({&request_, 1}, comm_, {});
        span_.from_mpi();
    }
    unpack();
}

void fill_neutral(Combine combine, std::span<Tensor const> tensors) {
    float const value = combine == Combine::maximum ? -std::numeric_limits<float>::infinity() : 0.0F;
    for (Tensor const& tensor : tensors) {
        switch (tensor.dtype) {
            case DType::f64: fill(tensor, static_cast<double>(value)); break;
            case DType::f32: fill(tensor, value); break;
            case DType::bf16: fill(tensor, BFloat16(value)); break;
            case DType::i32: fill(tensor, std::numeric_limits<std::int32_t>::max()); break;
            default: fail(ExitCode::internal, "{} cannot be combined", name_of(tensor.dtype));
        }
    }
}

}  // namespace aureole
