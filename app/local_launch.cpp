#include "app/local_launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "app/ranks.hpp"
#include "core/error.hpp"
#include "io/deck/parse.hpp"
#include "io/log/console.hpp"

namespace aureole {

namespace fs = std::filesystem;

namespace {

constexpr auto mark = "AUREOLE_LOCAL";

volatile std::sig_atomic_t launcher = 0;  ///< its process
volatile std::sig_atomic_t interrupts = 0;

/// The launcher hands on SIGUSR1 and SIGUSR2 as they are, and would kill the ranks on the others.
extern "C" void hand_on(int signal) {
    if (launcher == 0) { return; }
    if (signal == SIGINT) { interrupts = interrupts + 1; }
    bool const at_once = interrupts > 1;
    ::kill(launcher, at_once ? SIGTERM : signal == SIGINT ? SIGUSR2 : SIGUSR1);
}

fs::path this_program() {
    std::error_code error;
    fs::path path = fs::read_symlink("/proc/self/exe", error);
    require(!error, "cannot find the file of this program ({})", error.message());
    return path;
}

/// Beside the program, as in a bundle, or where it was when this was built.
std::string launcher_path() {
    std::string const beside = (this_program().parent_path() / "mpirun").string();
    for (std::string const& path : {beside, std::string(AUREOLE_MPI_LAUNCHER)}) {
        if (::access(path.c_str(), X_OK) == 0) { return path; }
    }
    fail(ExitCode::bad_deck,
         "run --local: the launcher of the MPI that this program was built with is not there ('{}'): install it, or "
         "start the ranks with yours (mpirun -np N aureole run DECK)",
         AUREOLE_MPI_LAUNCHER);
}

bool has_several_numa_nodes() { return fs::exists("/sys/devices/system/node/node1"); }

/// Where ranks may run: memory near to them, but no core of their own, on which they might not be alone.
std::vector<std::string> options_of_launcher() {
#if defined(OPEN_MPI)
    if (has_several_numa_nodes()) { return {"--quiet", "--oversubscribe", "--map-by", "numa", "--bind-to", "numa"}; }
    return {"--quiet", "--oversubscribe", "--bind-to", "none"};
#else
    return {};
#endif
}

/// The command line without --local and its number.
std::vector<std::string> words_of_ranks(int argc, char const* const* argv) {
    std::vector<std::string> words;
    for (int i = 1; i < argc; ++i) {
        std::string const word = argv[i];
        if (word == "--local") {
            ++i;
        } else if (!word.starts_with("--local=")) {
            words.push_back(word);
        }
    }
    return words;
}

[[noreturn]] void become(std::vector<std::string> const& words) {
    // signals of the terminal reach this process alone, which hands them on
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    int const nothing = ::open("/dev/null", O_RDONLY);
    if (nothing >= 0) { ::dup2(nothing, STDIN_FILENO); }
    ::setenv(mark, "1", 1);
    if (::geteuid() ==
        0) {  // the launcher's caution is for machines that others share; in containers there is no other
        ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
        ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
    }
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string const& word : words) { arguments.push_back(const_cast<char*>(word.c_str())); }
    arguments.push_back(nullptr);
    ::execv(arguments.front(), arguments.data());
    warn("cannot start '{}' ({})", words.front(), std::strerror(errno));
    ::_exit(static_cast<int>(ExitCode::bad_deck));
}

int wait_for(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0) {
        require(errno == EINTR, "cannot wait for the launcher ({})", std::strerror(errno));
    }
    constexpr int by_signal = 128;  // as shells say it
    return WIFEXITED(status) ? WEXITSTATUS(status) : by_signal + WTERMSIG(status);
}

}  // namespace

bool is_started_locally() { return std::getenv(mark) != nullptr; }

int run_locally(Command const& command, int argc, char const* const* argv) {
    require(Environment::launched_ranks() == 1, ExitCode::bad_deck,
            "run --local starts ranks itself, but a launcher has started this process as one of {}: leave one of them "
            "out",
            Environment::launched_ranks());
    require_ranks(read_deck(command.deck, command.overrides), *command.local);
    std::vector<std::string> words{launcher_path()};
    for (std::string const& option : options_of_launcher()) { words.push_back(option); }
    words.insert(words.end(), {"-np", fmt::format("{}", *command.local), this_program().string()});
    for (std::string const& word : words_of_ranks(argc, argv)) { words.push_back(word); }
    pid_t const process = ::fork();
    require(process >= 0, "cannot start a process ({})", std::strerror(errno));
    if (process == 0) { become(words); }
    launcher = process;
    for (int const signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
        struct sigaction action {};
        action.sa_handler = hand_on;
        ::sigaction(signal, &action, nullptr);
    }
    return wait_for(process);
}

}  // namespace aureole
