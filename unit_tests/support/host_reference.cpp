#include "unit_tests/support/host_reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "core/error.hpp"

namespace aureole::test {

HostReference::HostReference(std::string path, Mode mode) : path_(std::move(path)), mode_(mode) {
    if (mode_ == Mode::compare) { read(); }
}

void HostReference::read() {
    std::ifstream file(path_);
    require(file.good(), ExitCode::data_error, "cannot read the host's results in '{}': write them with a host build",
            path_);
    for (std::string line; std::getline(file, line);) {
        std::size_t const end = line.find('\t');
        require(end != std::string::npos, ExitCode::data_error, "'{}' is not a file of the host's results", path_);
        Entry entry{line.substr(0, end), {}};
        char* at = line.data() + end;
        entry.projection.norm = std::strtod(at, &at);
        for (double& product : entry.projection.products) { product = std::strtod(at, &at); }
        entries_.push_back(std::move(entry));
    }
    std::sort(entries_.begin(), entries_.end(), [](Entry const& a, Entry const& b) { return a.key < b.key; });
}

void HostReference::keep(std::string const& key, Projection const& projection) {
    entries_.push_back({key, projection});
}

std::optional<Projection> HostReference::find(std::string const& key) const {
    auto const found =
        std::lower_bound(entries_.begin(), entries_.end(), key,
                         [](Entry const& entry, std::string const& wanted) { return entry.key < wanted; });
    if (found == entries_.end() || found->key != key) { return {}; }
    return found->projection;
}

bool HostReference::count(std::string const& kind, double difference, double tolerance) {
    auto found =
        std::find_if(compared_.begin(), compared_.end(), [&](Compared const& all) { return all.kind == kind; });
    if (found == compared_.end()) { found = compared_.insert(compared_.end(), {kind, 0, 0, 0}); }
    ++found->count;
    bool const within = difference <= tolerance;
    found->beyond += within ? 0 : 1;
    found->worst = std::max(found->worst, std::isnan(difference) ? HUGE_VAL : difference);
    return within;
}

bool HostReference::finish() const {
    if (mode_ == Mode::write) {
        std::unique_ptr<std::FILE, int (*)(std::FILE*)> const file(std::fopen(path_.c_str(), "w"), std::fclose);
        if (!file) {
            std::fprintf(stderr, "cannot write '%s'\n", path_.c_str());
            return false;
        }
        for (Entry const& entry : entries_) {
            std::fprintf(file.get(), "%s\t%a", entry.key.c_str(), entry.projection.norm);
            for (double const product : entry.projection.products) { std::fprintf(file.get(), "\t%a", product); }
            std::fputc('\n', file.get());
        }
        std::printf("host reference: %zu results written to %s\n", entries_.size(), path_.c_str());
        return std::ferror(file.get()) == 0 && !entries_.empty();
    }
    std::size_t total = 0;
    for (Compared const& all : compared_) {
        std::printf("host reference: %s: %zu results compared, %zu beyond the tolerance, largest difference %.2g\n",
                    all.kind.c_str(), all.count, all.beyond, all.worst);
        total += all.count;
    }
    std::printf("host reference: %zu results compared, %zu without a host's result\n", total, missing_);
    return total > 0;
}

HostReference* host_reference() {
    static std::unique_ptr<HostReference> const reference = [] {
        char const* const path = std::getenv("AUREOLE_HOST_REFERENCE");
        char const* const mode = std::getenv("AUREOLE_HOST_REFERENCE_MODE");
        if (path == nullptr || *path == '\0') { return std::unique_ptr<HostReference>(); }
        bool const writes = mode != nullptr && std::string(mode) == "write";
        return std::make_unique<HostReference>(path,
                                               writes ? HostReference::Mode::write : HostReference::Mode::compare);
    }();
    return reference.get();
}

bool finish_host_reference() {
    HostReference const* const reference = host_reference();
    return reference == nullptr || reference->finish();
}

double relative_distance(Projection const& got, Projection const& want, double floor) {
    return distance(got, want) / std::max({want.norm, floor, 1e-300});
}

}  // namespace aureole::test
