#pragma once
#include <mpi.h>

namespace aureole {

/// A combination over ranks that travels while its callers do other work.
class Reduction {
  public:
    Reduction() = default;
    virtual ~Reduction() = default;
    Reduction(Reduction const&) = delete;
    Reduction& operator=(Reduction const&) = delete;

    /// Packs and starts.
    virtual void begin() = 0;
    /// Lets MPI work on what has begun.
    void proceed();
    /// Waits and unpacks.
    virtual void finish() = 0;

  protected:
    MPI_Request request_ = MPI_REQUEST_NULL;  ///< of what has begun
};

}  // namespace aureole
