// SPDX-License-Identifier: Apache-2.0
#include "server/sandbox.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "io/report.hpp"
#include "io/values.hpp"
#include "server/landlock.hpp"
#include "server/system_call_filter.hpp"

namespace hallway::tool {

namespace {

namespace fs = std::filesystem;

/// What a look-up of users and groups reads, itself or by a library that it loads: files in /etc,
/// caches of sssd and others, records of systemd below /run. These are directories, because an
/// edited file is replaced by a new one. Also what the kernel reports about processes and about
/// this one.
constexpr std::array always_read{
    "/etc",          "/usr",          "/lib",         "/lib32",
    "/lib64",        "/run",          "/var/lib/sss", "/var/lib/extrausers",
    "/var/db",       "/var/lib/misc", "/proc",        "/sys/devices/system/cpu",
    "/sys/fs/cgroup"};

fs::path directory_of(const fs::path& file) {
  fs::path directory = file.parent_path();
  return directory.empty() ? fs::path(".") : directory;
}

/// The parent directory, below which a replacement of the directory would be made; nullopt if that
/// is the root, below which everything is.
std::optional<fs::path> place_of(const fs::path& directory) {
  std::error_code unknown;
  const fs::path real = fs::canonical(directory, unknown);
  if (unknown || real == real.root_path()) return std::nullopt;
  fs::path place = real.parent_path();
  if (place == real.root_path()) return std::nullopt;
  return place;
}

/// Whether the path leads through a link of another process, such as /proc/PID/fd/N.
bool leads_through_a_process(const fs::path& path) {
  const std::string text = fs::absolute(path).lexically_normal();
  return text.starts_with("/proc/") && !text.starts_with("/proc/self/");
}

std::string why_without_landlock(const SandboxNeeds& needs) {
  bool through = needs.config && leads_through_a_process(*needs.config);
  for (const Address& address : needs.sockets) {
    const bool is_path = address.kind() == Address::Kind::path;
    through = through || (is_path && leads_through_a_process(std::string(address.name())));
  }
  return through ? "it would hide paths that lead through another process"
                 : needs.looks_into_processes;
}

/// Keeps the first error.
class Attempts {
 public:
  void operator()(Result<void> outcome) {
    if (!outcome && outcome_) outcome_ = std::move(outcome);
  }
  [[nodiscard]] const Result<void>& outcome() const { return outcome_; }

 private:
  Result<void> outcome_;
};

Result<void> allow_sockets(Landlock& landlock, const SandboxNeeds& needs) {
  Attempts attempt;
  for (const Address& address : needs.sockets) {
    if (address.kind() != Address::Kind::path) continue;
    const fs::path directory = directory_of(std::string(address.name()));
    attempt(landlock.allow_socket_files(directory));
    if (!needs.rebinds) continue;
    if (const auto place = place_of(directory)) attempt(landlock.allow_socket_files(*place));
  }
  return attempt.outcome();
}

/// Allows reading below its directory and, if it is a symbolic link, below its target's directory.
Result<void> allow_config(Landlock& landlock, const fs::path& config) {
  Attempts attempt;
  attempt(landlock.allow_reading(directory_of(config)));
  std::error_code unknown;
  const fs::path real = fs::canonical(config, unknown);
  if (!unknown) attempt(landlock.allow_reading(real.parent_path()));
  return attempt.outcome();
}

Result<Landlock> landlock_for(const SandboxNeeds& needs, int version) {
  auto landlock = Landlock::of_version(version);
  if (!landlock) return landlock;
  Attempts attempt;
  for (const char* directory : always_read) attempt(landlock->allow_reading(directory));
  attempt(allow_sockets(*landlock, needs));
  if (needs.config) attempt(allow_config(*landlock, *needs.config));
  if (!attempt.outcome()) return std::unexpected(attempt.outcome().error());
  return landlock;
}

/// Privileges given up cannot be regained, so the hint is to start with --no-sandbox.
Error with_hint(Error error) {
  error.reason = error.why() + "; --no-sandbox disables the sandbox";
  return error;
}

Result<int> apply_landlock(const SandboxNeeds& needs, const std::vector<RunInThread>& others,
                           const std::function<void(const Error&)>& on_error) {
  const auto version = Landlock::version();
  if (!version || *version == 0) return version;
  auto made = landlock_for(needs, *version);
  if (!made) return std::unexpected(made.error());
  const auto landlock = std::make_shared<const Landlock>(std::move(*made));
  for (const RunInThread& run : others) {
    run([landlock, on_error] {
      const auto restricted = landlock->restrict_this_thread();
      if (!restricted) on_error(with_hint(restricted.error()));
    });
  }
  if (auto done = landlock->restrict_this_thread(); !done) return std::unexpected(done.error());
  return *version;
}

}  // namespace

std::string Sandbox::to_string() const {
  const auto without = [](const std::string& why) { return why.empty() ? "" : " (" + why + ")"; };
  std::string words = no_new_privileges ? "no new privileges" : "new privileges possible";
  words += landlock > 0 ? fmt::format(", Landlock ABI {}", landlock)
                        : ", no Landlock" + without(without_landlock);
  words += ", " + (system_calls > 0 ? counted(system_calls, "system call")
                                    : "all system calls" + without(without_filter));
  return words;
}

Sandbox enter_sandbox(const SandboxNeeds& needs, const std::vector<RunInThread>& others,
                      const std::function<void(const Error&)>& on_error) {
  Sandbox sandbox;
  const auto failed = [&sandbox](const Error& error) {
    sandbox.errors.push_back(with_hint(error));
    return std::string("it failed");
  };
  sandbox.no_new_privileges = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  if (!sandbox.no_new_privileges) failed(error_of(errno, "sandbox", "no new privileges"));

  if (const std::string why = why_without_landlock(needs); !why.empty()) {
    sandbox.without_landlock = why;
  } else if (const auto version = apply_landlock(needs, others, on_error); !version) {
    sandbox.without_landlock = failed(version.error());
  } else {
    sandbox.landlock = *version;
    if (*version == 0) sandbox.without_landlock = "not supported by this kernel";
  }

  // Last, because it forbids the calls that the steps above make.
  if (const auto calls = limit_system_calls(); !calls) {
    sandbox.without_filter = failed(calls.error());
  } else {
    sandbox.system_calls = *calls;
    if (*calls == 0) sandbox.without_filter = "built without libseccomp";
  }
  return sandbox;
}

}  // namespace hallway::tool
