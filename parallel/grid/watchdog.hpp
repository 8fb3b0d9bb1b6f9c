#pragma once
#include <string_view>
#include <thread>

namespace aureole {

/// A thread that ends the process if a call of MPI that cannot be given up (the start and the end of MPI, splitting of
/// communicators) takes longer than the limit: another rank is dead or hung. While it lives; one at a time.
class Watchdog {
  public:
    /// `limit` in seconds; 0: none.
    explicit Watchdog(double limit);
    ~Watchdog();
    Watchdog(Watchdog const&) = delete;
    Watchdog& operator=(Watchdog const&) = delete;

    /// Also without a Watchdog: then nothing.
    static void set_limit(double seconds);

    /// One such call, until its end. `what` must live as long: "the start of MPI".
    class Call {
      public:
        explicit Call(std::string_view what);
        ~Call();
        Call(Call const&) = delete;
        Call& operator=(Call const&) = delete;
    };

  private:
    std::thread thread_;
};

}  // namespace aureole
