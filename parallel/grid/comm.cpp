#include "parallel/grid/comm.hpp"

#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/error.hpp"
#include "parallel/grid/wait.hpp"
#include "parallel/grid/watchdog.hpp"

namespace aureole {

Environment::Environment(int* argc, char*** argv) {
    int given = 0;
    // the loader's thread does not call MPI
    Watchdog::Call const call("the start of MPI");
    check_mpi(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &given), "MPI_Init_thread");
    require(given >= MPI_THREAD_FUNNELED, "this MPI cannot be used by a program with threads (level {})", given);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

Environment::~Environment() {
    Watchdog::Call const call("the end of MPI");
    MPI_Finalize();
}

int Environment::launched_ranks() {
    for (char const* const name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"}) {
        char const* const size = std::getenv(name);
        if (size != nullptr && std::atoi(size) > 0) { return std::atoi(size); }
    }
    return 1;
}

bool Environment::launched() { return launched_ranks() > 1; }

void Environment::abort(int code) {
    MPI_Abort(MPI_COMM_WORLD, code);
    std::abort();
}

bool takes_device_memory() {
#if defined(MPIX_CUDA_AWARE_SUPPORT)
    return MPIX_Query_cuda_support() == 1;
#else
    return false;
#endif
}

void check_mpi(int code, char const* call) {
    if (code == MPI_SUCCESS) { return; }
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(code, text, &length);
    int kind = code;
    MPI_Error_class(code, &kind);
    bool const no_memory = kind == MPI_ERR_NO_MEM;
    fail(no_memory ? ExitCode::does_not_fit : ExitCode::internal, "{} failed ({})", call,
         std::string(text, static_cast<std::size_t>(length)));
}

int mpi_count(std::size_t count) {
    require(count <= static_cast<std::size_t>(std::numeric_limits<int>::max()),
            "a message of {} elements is more than MPI takes at once: use more, smaller tiles", count);
    return static_cast<int>(count);
}

MPI_Datatype mpi_type(DType dtype) {
    require(dtype == DType::f32 || dtype == DType::f64, "{} is neither f32 nor f64", name_of(dtype));
    return dtype == DType::f64 ? MPI_DOUBLE : MPI_FLOAT;
}

namespace {

/// Bytes of one message where a caller may hand over more.
constexpr std::size_t largest_message = std::size_t{1} << 30U;

}  // namespace

Comm::Comm(MPI_Comm comm) : comm_(comm) {
    check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

/// The communicator that a call of MPI makes.
template <class Call>
Comm Comm::made_by(char const* name, Call call) {
    Watchdog::Call const watched("the start of a communicator");
    MPI_Comm made = MPI_COMM_NULL;
    check_mpi(call(&made), name);
    return Comm(made);
}

Comm Comm::world() {
    return made_by("MPI_Comm_dup", [](MPI_Comm* made) { return MPI_Comm_dup(MPI_COMM_WORLD, made); });
}

Comm Comm::duplicate() const {
    return made_by("MPI_Comm_dup", [this](MPI_Comm* made) { return MPI_Comm_dup(comm_, made); });
}

Comm Comm::split(int color, int key) const {
    return made_by("MPI_Comm_split", [&](MPI_Comm* made) { return MPI_Comm_split(comm_, color, key, made); });
}

Comm Comm::split_by_machine() const {
    return made_by("MPI_Comm_split_type", [this](MPI_Comm* made) {
        return MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, made);
    });
}

Comm::Comm(Comm&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)), rank_(other.rank_), size_(other.size_) {}

Comm& Comm::operator=(Comm&& other) noexcept {
    std::swap(comm_, other.comm_);
    rank_ = other.rank_;
    size_ = other.size_;
    return *this;
}

Comm::~Comm() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (comm_ != MPI_COMM_NULL && finalized == 0) { MPI_Comm_free(&comm_); }
}

void Comm::wait(MPI_Request request, std::optional<int> peer) const {
    int const one = peer.value_or(0);
    wait_all({&request, 1}, comm_, std::span(&one, peer ? 1U : 0U));
}

// NOLINTBEGIN(clang-analyzer-optin.mpi.MPI-Checker): it does not see that wait() ends them

void Comm::barrier() const {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
    wait(request);
}

void Comm::sum(double* values, int count) const {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values, count, MPI_DOUBLE, MPI_SUM, comm_, &request), "MPI_Iallreduce");
    wait(request);
}

double Comm::max(double value) const {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_MAX, comm_, &request), "MPI_Iallreduce");
    wait(request);
    return value;
}

double Comm::min(double value) const { return -max(-value); }

bool Comm::all(bool value) const { return min(value ? 1 : 0) > 0; }

std::vector<double> Comm::gather(double value) const {
    std::vector<double> values(rank_ == 0 ? static_cast<std::size_t>(size_) : 0);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Igather(&value, 1, MPI_DOUBLE, values.data(), 1, MPI_DOUBLE, 0, comm_, &request), "MPI_Igather");
    wait(request);
    return values;
}

void Comm::all_gather(void const* mine, std::size_t bytes, void* all) const {
    MPI_Request request = MPI_REQUEST_NULL;
    int const count = mpi_count(bytes);
    check_mpi(MPI_Iallgather(mine, count, MPI_BYTE, all, count, MPI_BYTE, comm_, &request), "MPI_Iallgather");
    wait(request);
}

void Comm::send(void const* data, std::size_t bytes, int to) const {
    auto const* at = static_cast<std::byte const*>(data);
    for (std::size_t sent = 0; sent < bytes; sent += largest_message) {
        std::size_t const part = std::min(largest_message, bytes - sent);
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(MPI_Isend(at + sent, mpi_count(part), MPI_BYTE, to, 0, comm_, &request), "MPI_Isend");
        wait(request, to);
    }
}

void Comm::receive(void* data, std::size_t bytes, int from) const {
    auto* const at = static_cast<std::byte*>(data);
    for (std::size_t received = 0; received < bytes; received += largest_message) {
        std::size_t const part = std::min(largest_message, bytes - received);
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(MPI_Irecv(at + received, mpi_count(part), MPI_BYTE, from, 0, comm_, &request), "MPI_Irecv");
        wait(request, from);
    }
}

void Comm::broadcast(void* data, std::size_t bytes) const {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibcast(data, mpi_count(bytes), MPI_BYTE, 0, comm_, &request), "MPI_Ibcast");
    wait(request);
}

// NOLINTEND(clang-analyzer-optin.mpi.MPI-Checker)

}  // namespace aureole
