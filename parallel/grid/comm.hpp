#pragma once
#include <mpi.h>

#include <optional>
#include <vector>

#include "core/tensor/dtype.hpp"

namespace aureole {

/// Starts MPI for the life of the program; the one user of MPI_COMM_WORLD.
class Environment {
  public:
    Environment(int* argc, char*** argv);
    ~Environment();
    Environment(Environment const&) = delete;
    Environment& operator=(Environment const&) = delete;

    /// Whether a launcher (mpirun, srun) started this process as one of several.
    [[nodiscard]] static bool launched();
    /// Number of processes that the launcher names; 1 without one.
    [[nodiscard]] static int launched_ranks();
    /// Ends all processes at once: for errors of one rank, on which the others would wait for ever.
    [[noreturn]] static void abort(int code);
};

/// A communicator of its own, so that messages of different parts of the program cannot meet. Move-only. Errors of MPI
/// become Error(internal) naming the call, and so do waits beyond set_wait_limit(), naming the ranks.
class Comm {
  public:
    /// A duplicate of all processes. Environment must exist.
    [[nodiscard]] static Comm world();
    Comm(Comm&& other) noexcept;
    Comm& operator=(Comm&& other) noexcept;
    ~Comm();

    [[nodiscard]] Comm duplicate() const;
    /// The processes that give the same colour, in the order of their keys. All call it.
    [[nodiscard]] Comm split(int color, int key) const;
    /// The processes on this machine.
    [[nodiscard]] Comm split_by_machine() const;
    [[nodiscard]] int rank() const { return rank_; }
    [[nodiscard]] int size() const { return size_; }
    [[nodiscard]] MPI_Comm get() const { return comm_; }

    void barrier() const;
    /// In place, in an order that depends on the number of ranks only.
    void sum(double* values, int count) const;
    [[nodiscard]] double max(double value) const;
    [[nodiscard]] double min(double value) const;
    [[nodiscard]] bool all(bool value) const;
    /// Values of every rank, on rank 0 in the order of ranks; empty elsewhere.
    [[nodiscard]] std::vector<double> gather(double value) const;
    /// So many bytes of every rank, in the order of ranks, on all.
    void all_gather(void const* mine, std::size_t bytes, void* all) const;
    /// Any number of bytes from one rank to another, which calls the counterpart.
    void send(void const* data, std::size_t bytes, int to) const;
    void receive(void* data, std::size_t bytes, int from) const;
    /// Bytes from rank 0 to all.
    void broadcast(void* data, std::size_t bytes) const;

  private:
    explicit Comm(MPI_Comm comm);
    template <class Call>
    [[nodiscard]] static Comm made_by(char const* name, Call call);
    /// With a rank, or with all.
    void wait(MPI_Request request, std::optional<int> peer = {}) const;
    MPI_Comm comm_ = MPI_COMM_NULL;
    int rank_ = 0, size_ = 1;
};

/// Whether MPI says that it sends from and receives into a device's memory.
[[nodiscard]] bool takes_device_memory();

/// Throws Error(internal) if an MPI call failed; `call` names it.
void check_mpi(int code, char const* call);

/// A byte or element count as MPI's int. Throws if it does not fit: 2 GiB in one message.
[[nodiscard]] int mpi_count(std::size_t count);

/// MPI's type of an f32 or f64 element.
[[nodiscard]] MPI_Datatype mpi_type(DType dtype);

}  // namespace aureole
