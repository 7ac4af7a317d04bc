// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_output.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include <hallway/bytes.hpp>

#include "io/figures.hpp"
#include "io/json_line.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

/// Microseconds with three decimals.
double microseconds(double nanoseconds) { return std::round(nanoseconds) / 1000; }

std::string latency_table(const Histogram& latencies) {
  std::string names = "  latency";
  std::string values = "         ";
  for (const auto& [name, at] : quantiles) {
    names += fmt::format("{:>10}", name);
    values += fmt::format("{:>10}", write_time(static_cast<double>(latencies.at(at))));
  }
  return names + '\n' + values + '\n';
}

std::string cpu_line(const Measurement& measured) {
  std::string line = "  busy     load " + write_share(measured.load_cpu);
  if (measured.server_cpu) line += ", server " + write_share(*measured.server_cpu);
  return line + " of a core\n";
}

std::string rate_line(const Load& load, const Measurement& measured) {
  if (!load.rate) return "";
  std::string line = fmt::format("  asked    {}/s", write_grouped(static_cast<double>(*load.rate)));
  if (measured.unsent > 0) {
    line += fmt::format("; {} more were due at the end",
                        write_grouped(static_cast<double>(measured.unsent)));
  }
  return line + '\n';
}

nlohmann::ordered_json json_of(const Histogram& latencies) {
  nlohmann::ordered_json object{{"min", microseconds(static_cast<double>(latencies.min()))},
                                {"mean", microseconds(latencies.mean())}};
  for (const auto& [name, at] : quantiles) {
    object[std::string(name)] = microseconds(static_cast<double>(latencies.at(at)));
  }
  return object;
}

nlohmann::ordered_json json_of(const Interval& interval) {
  return {{"begin", seconds(interval.begin)},
          {"seconds", seconds(interval.length)},
          {"answers", interval.answers},
          {"p50_us", microseconds(static_cast<double>(interval.p50))},
          {"p99_us", microseconds(static_cast<double>(interval.p99))},
          {"max_us", microseconds(static_cast<double>(interval.max))}};
}

nlohmann::ordered_json json_or_null(const auto& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

std::string words_of(const Load& load) {
  std::string words = fmt::format("{}, {} a message, {}", counted(load.connections, "connection"),
                                  counted(load.size, "byte"), to_string(load.wire.type));
  if (load.wire.type == SocketType::stream) words += ", framing " + load.wire.framing.to_string();
  return words;
}

std::string words_of_losses(const Measurement& measured) {
  if (measured.is_sound()) return "none";
  return fmt::format("{} lost, {} out of order, {} repeated",
                     write_grouped(static_cast<double>(measured.lost)),
                     write_grouped(static_cast<double>(measured.reordered)),
                     write_grouped(static_cast<double>(measured.repeated)));
}

std::string printed(const Load& load, const Measurement& measured) {
  const Histogram& latencies = measured.latencies();
  const double bytes = measured.rate() * static_cast<double>(load.size);
  return fmt::format("{}, {}: {}\n", to_string(load.pattern),
                     load.own_server ? "own server" : load.target.address.to_string(),
                     words_of(load)) +
         fmt::format("  {:<8} {} in {:.2f} s: {}/s, {}/s\n", "rate",
                     write_grouped(static_cast<double>(latencies.count())) + " " +
                         std::string(counted_by(load.pattern)),
                     seconds(measured.elapsed()), write_grouped(measured.rate()),
                     write_bytes(bytes)) +
         rate_line(load, measured) + latency_table(latencies) +
         fmt::format("  {:<8} {}\n", "missing", words_of_losses(measured)) + cpu_line(measured) +
         (measured.cut_short.empty() ? ""
                                     : "  ended early: " + printable(measured.cut_short) + "\n");
}

std::string json_line(const Load& load, const Measurement& measured) {
  const Histogram& latencies = measured.latencies();
  const bool framed = load.wire.type == SocketType::stream;
  nlohmann::ordered_json object{
      {"event", "measured"},
      {"pattern", to_string(load.pattern)},
      {"address", load.own_server ? nlohmann::ordered_json(nullptr)
                                  : nlohmann::ordered_json(load.target.address.unescaped())},
      {"type", to_string(load.wire.type)},
      {"framing", framed ? load.wire.framing.to_string() : ""},
      {"size", load.size},
      {"connections", load.connections},
      {"asked_rate", json_or_null(load.rate)},
      {"seconds", seconds(measured.elapsed())},
      {"sent", measured.sent},
      {"answers", latencies.count()},
      {"rate", measured.rate()},
      {"bytes_per_second", measured.rate() * static_cast<double>(load.size)},
      {"latency_us", json_of(latencies)},
      {"lost", measured.lost},
      {"reordered", measured.reordered},
      {"repeated", measured.repeated},
      {"unsent", measured.unsent},
      {"cut_short", measured.cut_short.empty() ? nlohmann::ordered_json(nullptr)
                                               : nlohmann::ordered_json(measured.cut_short)},
      {"busy_cores", {{"load", measured.load_cpu}, {"server", json_or_null(measured.server_cpu)}}}};
  auto& intervals = object["intervals"] = nlohmann::ordered_json::array();
  for (const Interval& interval : measured.intervals()) intervals.push_back(json_of(interval));
  return json_line(object);
}

}  // namespace hallway::tool
