// SPDX-License-Identifier: Apache-2.0
//
// hallway bench: puts load on a server, and measures rates and latencies.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <hallway/loop.hpp>

#include "bench/bench_load.hpp"
#include "bench/bench_measurement.hpp"
#include "bench/bench_output.hpp"
#include "bench/bench_progress.hpp"
#include "bench/bench_report.hpp"
#include "bench/bench_server.hpp"
#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "io/events.hpp"
#include "io/output.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

constexpr const char* examples =
    "Examples:\n"
    "  hallway bench                             a server of its own, one round trip\n"
    "                                            after the other\n"
    "  hallway bench ./app.sock --connections 50 --rate 10000 --duration 1m\n"
    "  hallway bench --pattern stream --size 4K --framing len32\n"
    "  hallway bench @chat --pattern broadcast --type seqpacket\n"
    "  hallway bench --rate 5000 --report bench.html --json\n"
    "\nADDRESS is a server that answers each message with itself (hallway serve\n"
    "--echo), or for broadcast passes it on to all others (--broadcast).\n";

constexpr std::size_t usual_broadcast_connections = 8;

struct BenchFlags {
  Verbosity wordiness;
  Load load;
  std::optional<std::string> report;
};

/// Each connection needs a descriptor, so raise the soft limit to the hard limit.
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// By default the kernel wakes a sleeping thread up to 50 us late, and an open loop would count
/// that as latency.
void wake_on_time() { std::ofstream("/proc/self/timerslack_ns") << 1; }

class Bench {
 public:
  Bench(const BenchFlags& flags, const Load& load)
      : loop_(load.loop),
        flags_(&flags),
        load_(&load),
        events_(flags.wordiness),
        output_(loop_, !flags.report),
        measured_(load.duration),
        run_(loop_, load, events_, measured_) {}

  /// @return the exit status; nullopt if the measurement decides it
  std::optional<int> measure() {
    if (loop_.error()) return fail(*loop_.error());
    for (const int signal : {SIGINT, SIGTERM}) {
      auto claimed = loop_.on_signal(signal, [this, signal] { interrupt(signal); });
      if (!claimed) return fail(claimed.error());
    }
    output_.on_end([this] {
      reader_gone_ = true;
      loop_.stop();
    });
    driving_ = drive();
    loop_.spawn(last());
    std::optional<ScopedTask> progress;
    const auto [verbosity, json] = flags_->wordiness;
    // A progress line that is redrawn in place must not mix with other lines.
    const bool watched = isatty(STDERR_FILENO) == 1 && verbosity == 0 && !json;
    if (watched) progress = show_progress(loop_, *load_, measured_);
    const int stopped = loop_.run();
    if (stopped != 0) return stopped;
    if (output_.error()) return fail(*output_.error());
    if (reader_gone_) return exit_status::done;
    return std::nullopt;
  }

  [[nodiscard]] Measurement& measured() noexcept { return measured_; }
  [[nodiscard]] const std::optional<LoadRun::Failure>& failure() const { return run_.failure(); }
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

 private:
  /// Owned by this object and not by the loop, because it must not outlive `run_`.
  ScopedTask drive() {
    co_await run_.run();
    over_.happen();
  }

  /// Keeps the loop running until the end.
  Task<> last() { co_await over_; }

  void interrupt(int signal) {
    if (std::exchange(interrupted_, true)) return loop_.stop(128 + signal);
    run_.end();
    if (measured_.begun()) return;
    events_.tell(Events::Level::usual, "stopped", 0, "before anything was measured");
    over_.happen();
  }

  Loop loop_;
  const BenchFlags* flags_;
  const Load* load_;
  Events events_;
  Output output_;  // only watched, to stop the run when its reader has gone
  Measurement measured_;
  LoadRun run_;
  Event over_{loop_};
  std::optional<ScopedTask> driving_;
  bool interrupted_ = false;
  bool reader_gone_ = false;
};

int fail_for(const Load& load, const Measurement& measured,
             const std::optional<LoadRun::Failure>& failure) {
  if (failure) return failure->connecting ? fail_to_connect(failure->error) : fail(failure->error);
  if (measured.is_sound()) return exit_status::done;
  return fail(error_of(std::errc::bad_message, "bench", load.target.address.unescaped(),
                       words_of_losses(measured)));
}

/// Prints the result and writes the report.
/// @return the exit status
int tell(const BenchFlags& flags, std::optional<Report>& report, const Load& load,
         const Measurement& measured) {
  const auto printed_all =
      write_out(flags.wordiness.json ? json_line(load, measured) : printed(load, measured));
  if (!printed_all && printed_all.error().code != std::errc::broken_pipe) {
    return fail(printed_all.error());
  }
  if (!report) return exit_status::done;
  const auto reported = report->write(load, measured);
  return reported ? exit_status::done : fail(reported.error());
}

int bench(const BenchFlags& flags) {
  Load load = flags.load;
  std::optional<Report> report;
  if (flags.report) {
    auto opened = Report::open(*flags.report);
    if (!opened) return fail(opened.error());
    report = std::move(*opened);
  }
  allow_many_descriptors();
  std::optional<BenchServer> server;
  if (load.own_server) {
    auto started = BenchServer::start(load);
    if (!started) return fail(started.error());
    server.emplace(std::move(*started));
    load.target.address = server->address();
  }
  wake_on_time();
  Bench bench(flags, load);
  const auto stopped = bench.measure();
  if (stopped) return *stopped;
  Measurement& measured = bench.measured();
  if (bench.interrupted()) measured.cut_short = "stopped by a signal";
  if (bench.failure()) measured.cut_short = bench.failure()->error.why();
  if (server && measured.begun()) {
    measured.server_cpu = seconds(server->stop()) / seconds(measured.elapsed());
  }
  if (measured.latencies().count() > 0) {
    const int told = tell(flags, report, load, measured);
    if (told != exit_status::done) return told;
  }
  return fail_for(load, measured, bench.failure());
}

Read<Pattern> read_pattern(const std::string& text) {
  for (const Pattern pattern :
       {Pattern::pingpong, Pattern::stream, Pattern::broadcast, Pattern::connect}) {
    if (text == to_string(pattern)) return pattern;
  }
  return std::unexpected("not a pattern (pingpong, stream, broadcast or connect)");
}

void check(const CLI::App& verb, BenchFlags& flags) {
  Load& load = flags.load;
  check_wire(verb, load.wire);
  check_reach(verb, load.target, load.wire.type);
  if (load.wire.type == SocketType::datagram) {
    refuse_flags("--type datagram", "bench loads connections, and datagrams have none");
  }
  if (load.wire.framing.kind() == Framing::Kind::raw && load.wire.type == SocketType::stream) {
    refuse_flags("--framing raw", "without boundaries no answer can be told from the next");
  }
  if (load.target.address.kind() == Address::Kind::exec) {
    refuse_flags("exec:", "bench loads a server that several can connect to");
  }
  if (load.size == 0) refuse_flags("--size 0", "an empty message has no number to know it by");
  if (load.size > load.wire.max_message) {
    refuse_flags("--size " + write_size(load.size),
                 "more than --max-message " + write_size(load.wire.max_message));
  }
  if (flags.report && flags.report->empty()) refuse_flags("--report", "no file is named");
  if (load.duration == Duration::zero()) refuse_flags("--duration 0", "nothing can be measured");
  if (load.pattern != Pattern::broadcast) return;
  if (!given(verb, "--connections")) load.connections = usual_broadcast_connections;
  if (load.connections < 2) {
    refuse_flags("--pattern broadcast --connections 1", "one sends, and nobody would receive");
  }
}

void add_load(CLI::App& verb, Load& load) {
  add_value(
      verb, "--pattern", "pingpong|stream|broadcast|connect", read_pattern,
      [&load](Pattern pattern) { load.pattern = pattern; },
      "pingpong: each connection waits for an answer before it sends again; stream: it sends on "
      "meanwhile; broadcast: one connection sends, all others receive; connect: each message has "
      "a connection of its own (default pingpong)");
  add_value(
      verb, "--size", "SIZE", read_size, [&load](std::size_t size) { load.size = size; },
      fmt::format("Of each message (default {})", load.size));
  add_value(
      verb, "--connections", "N", read_count,
      [&load](std::size_t connections) { load.connections = connections; },
      fmt::format("At once (default {}; for broadcast {})", load.connections,
                  usual_broadcast_connections));
  add_value(
      verb, "--duration", "TIME", read_duration,
      [&load](Duration duration) { load.duration = duration; },
      fmt::format("How long messages are sent (default {})", write_duration(load.duration)));
  add_value(
      verb, "--rate", "N", read_count, [&load](std::size_t rate) { load.rate = rate; },
      "Messages a second, all connections together, by a clock that no slow answer stops: latency "
      "counts from when a message was due (without it: as fast as the pattern goes)");
}

}  // namespace

Run add_bench(CLI::App& verb, const TrailingArgs&) {
  auto flags = std::make_shared<BenchFlags>();
  auto word = std::make_shared<std::string>();
  verb.add_option("ADDRESS", *word, "Whose server; without it, one is started for this")
      ->type_name("");
  add_load(verb, flags->load);
  add_value(
      verb, "--report", "FILE", read_text,
      [flags](std::string file) { flags->report = std::move(file); },
      "Write a page with plots, too: one HTML file that needs no network");
  add_wordiness(verb, flags->wordiness);
  add_spin(verb, flags->load.loop);
  add_wire(verb, flags->load.wire);
  add_reach(verb, flags->load.target,
            fmt::format("Give up connecting, or waiting for an answer, after TIME (default {})",
                        write_duration(flags->load.timeout())));
  verb.footer(examples);
  verb.final_callback([&verb, flags, word] {
    flags->load.own_server = word->empty();
    if (!word->empty()) flags->load.target.address = read_address(*word);
    check(verb, *flags);
  });
  return [flags] { return bench(*flags); };
}

}  // namespace hallway::tool
