// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>

#include "bench/bench_output.hpp"
#include "bench/machine.hpp"
#include "bench/plot.hpp"
#include "io/figures.hpp"
#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

// Maximum number of bars that are still easy to read.
constexpr int most_bars = 80;

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1b2430; --soft: #5b6676;
  --grid: #e3e7ec; --one: #2563c9; --two: #c2570c; --three: #8a94a3; --bad: #b3261e; --good: #1a7f4b; }
@media (prefers-color-scheme: dark) { :root { --page: #11151b; --card: #1a2028; --ink: #e7ebf0;
  --soft: #9aa6b5; --grid: #2c3541; --one: #6ea8ff; --two: #ffa45c; --three: #77828f; --bad: #ff8a80;
  --good: #66d19e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1280px; padding: 28px 24px 40px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 26px; font-weight: 650; }
h2 { margin: 0 0 2px; font-size: 16px; font-weight: 650; }
p { margin: 0; } .soft { color: var(--soft); }
.summary { margin: 10px 0 0; font-size: 17px; max-width: 60em; }
.note { margin-top: 12px; padding: 8px 14px; border-left: 4px solid var(--two); background: var(--card); }
.note.bad { border-color: var(--bad); }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 20px 0; }
.card { background: var(--card); border: 1px solid var(--grid); border-radius: 10px; padding: 14px 16px; }
.tile b { display: block; font-size: 23px; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile span { color: var(--soft); font-size: 13px; }
.good { color: var(--good); } .bad b { color: var(--bad); }
.plots { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); }
.card p { font-size: 13px; margin-bottom: 8px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .axis { font-weight: 600; } svg .marked { fill: var(--ink); font-weight: 600; }
svg path { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.grid { stroke: var(--grid); }
.series-1 { stroke: var(--one); stroke-width: 2; } .series-2 { stroke: var(--two); stroke-width: 2; }
.series-3 { stroke: var(--three); stroke-width: 1.5; } .level { stroke-dasharray: 6 5; }
svg .fill-1 { fill: var(--one); } svg .area { fill-opacity: .16; }
.mark { fill: var(--card); stroke: var(--one); stroke-width: 2; }
.hint { fill: transparent; } .hint:hover { fill: var(--soft); fill-opacity: .12; }
.facts { display: grid; gap: 16px; margin-top: 16px; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td { padding: 4px 0; border-top: 1px solid var(--grid); vertical-align: top; }
td:first-child { color: var(--soft); padding-right: 16px; white-space: nowrap; }
.numbers td:last-child { text-align: right; font-variant-numeric: tabular-nums; }
footer { margin-top: 18px; color: var(--soft); font-size: 13px; }
)";

std::string in_microseconds(double nanoseconds) { return write_time(nanoseconds, Micro::mu); }

std::string latency_at(const Measurement& measured, double quantile) {
  return in_microseconds(static_cast<double>(measured.latencies().at(quantile)));
}

/// A tick label: "10 µs", "2 ms".
std::string time_tick(double nanoseconds) {
  if (nanoseconds < 1e3) return fmt::format("{:.0f} ns", nanoseconds);
  if (nanoseconds < 1e6) return fmt::format("{:g} µs", nanoseconds / 1e3);
  if (nanoseconds < 1e9) return fmt::format("{:g} ms", nanoseconds / 1e6);
  return fmt::format("{:g} s", nanoseconds / 1e9);
}

/// A tick label: "50k", "1.5M".
std::string count_tick(double count) {
  if (count >= 1e6) return fmt::format("{:g}M", count / 1e6);
  if (count >= 1e3) return fmt::format("{:g}k", count / 1e3);
  return fmt::format("{:g}", count);
}

std::string second_tick(double at) { return fmt::format("{:g}", at); }

/// The smallest latency as the start of a logarithmic axis, so at least 1: it may be measured as 0.
double lowest_latency(const Measurement& measured) {
  return std::max(1.0, static_cast<double>(measured.latencies().min()));
}

Axis latency_axis(const Measurement& measured, std::string label) {
  return Axis::logarithmic(std::move(label), lowest_latency(measured),
                           std::max(1.0, static_cast<double>(measured.latencies().max())),
                           time_tick);
}

Axis time_axis(const Measurement& measured) {
  Axis axis = Axis::linear("Time since the start (s)", seconds(measured.elapsed()), second_tick);
  axis.high = seconds(measured.elapsed());
  std::erase_if(axis.ticks, [&](const Axis::Tick& tick) { return tick.at > axis.high; });
  return axis;
}

// The plots ---------------------------------------------------------------------------------------

/// The position of a share on an axis on which each further nine takes the same space: 0.9 is at 1,
/// 0.99 at 2.
double nines_of(double share) { return -std::log10(1 - share); }

Axis share_axis(double most_nines) {
  Axis axis{.label = "Share of answers that took no longer", .ticks = {{0, "0 %"}}};
  axis.high = std::max(most_nines, 1.0);
  constexpr std::array<std::pair<double, std::string_view>, 8> shares{{{0.5, "50 %"},
                                                                       {0.9, "90 %"},
                                                                       {0.99, "99 %"},
                                                                       {0.999, "99.9 %"},
                                                                       {0.9999, "99.99 %"},
                                                                       {0.99999, "99.999 %"},
                                                                       {0.999999, "99.9999 %"},
                                                                       {0.9999999, "99.99999 %"}}};
  for (const auto& [share, text] : shares) {
    if (nines_of(share) <= axis.high) axis.ticks.push_back({nines_of(share), std::string(text)});
  }
  return axis;
}

std::string percentile_plot(const Measurement& measured) {
  const Histogram& latencies = measured.latencies();
  const auto count = static_cast<double>(latencies.count());
  // The slowest answer is one in `count`.
  const double most_nines = std::log10(std::max(count, 2.0));
  Plot plot{.title = "Latency by share of answers",
            .x = share_axis(most_nines),
            .y = latency_axis(measured, "Latency"),
            .series = {{.form = Series::Form::line, .name = "", .points = {}}}};
  double seen = 0;
  auto& points = plot.series.front().points;
  latencies.for_each([&](std::uint64_t value, std::uint64_t here) {
    points.push_back({nines_of(seen / count), static_cast<double>(value)});
    seen += static_cast<double>(here);
  });
  points.push_back({plot.x.high, static_cast<double>(latencies.max())});
  for (const auto& [name, at] : quantiles) {
    const double x = std::min(at < 1 ? nines_of(at) : most_nines, plot.x.high);
    if (at < 1 && x > most_nines) continue;
    const auto value = static_cast<double>(latencies.at(at));
    // At the far left there is no room for a label, and the median is shown above the plots.
    const bool is_median = at <= 0.5;
    plot.marks.push_back(
        {{x, value}, is_median ? "" : fmt::format("{} {}", name, in_microseconds(value))});
  }
  return svg(plot);
}

std::string histogram_plot(const Measurement& measured) {
  const Histogram& latencies = measured.latencies();
  Plot plot{.title = "How often each latency occurred",
            .x = latency_axis(measured, "Latency"),
            .y = {},
            .series = {{.form = Series::Form::bars, .name = "", .points = {}}}};
  const double ratio = std::pow(plot.x.high / plot.x.low, 1.0 / most_bars);
  std::vector<double> shares(most_bars);
  latencies.for_each([&](std::uint64_t value, std::uint64_t here) {
    const double bar =
        std::log(std::max(static_cast<double>(value), plot.x.low) / plot.x.low) / std::log(ratio);
    const auto index = std::min(static_cast<std::size_t>(bar), shares.size() - 1);
    shares[index] += static_cast<double>(here) / static_cast<double>(latencies.count());
  });
  plot.y = Axis::linear("Share of answers", std::ranges::max(shares),
                        [](double share) { return fmt::format("{:.3g} %", 100 * share); });
  double from = plot.x.low;
  for (const double share : shares) {
    plot.series.front().points.push_back({from, share});
    plot.hints.push_back({from, from * ratio,
                          fmt::format("{} to {}: {:.3g} %", in_microseconds(from),
                                      in_microseconds(from * ratio), 100 * share)});
    from *= ratio;
  }
  plot.series.front().points.push_back({from, 0});
  return svg(plot);
}

std::string words_of(const Interval& interval) {
  std::string words =
      fmt::format("{:.2f} s to {:.2f} s: {}/s", seconds(interval.begin),
                  seconds(interval.begin + interval.length), write_grouped(interval.rate()));
  if (interval.answers == 0) return words;
  return words + fmt::format(", p50 {}, p99 {}, max {}",
                             in_microseconds(static_cast<double>(interval.p50)),
                             in_microseconds(static_cast<double>(interval.p99)),
                             in_microseconds(static_cast<double>(interval.max)));
}

std::vector<Hint> hints_of(const Measurement& measured) {
  std::vector<Hint> hints;
  for (const Interval& interval : measured.intervals()) {
    hints.push_back(
        {seconds(interval.begin), seconds(interval.begin + interval.length), words_of(interval)});
  }
  return hints;
}

double middle_of(const Interval& interval) {
  return seconds(interval.begin) + seconds(interval.length) / 2;
}

std::string rate_plot(const Load& load, const Measurement& measured) {
  double highest = 1;
  Series rates{.form = Series::Form::area, .name = "reached", .points = {}};
  for (const Interval& interval : measured.intervals()) {
    rates.points.push_back({middle_of(interval), interval.rate()});
    highest = std::max(highest, interval.rate());
  }
  Plot plot{.title = "Rate over time",
            .x = time_axis(measured),
            .y = {},
            .series = {std::move(rates)},
            .hints = hints_of(measured)};
  if (load.rate) {
    // Each message of a broadcast arrives at all connections but its sender.
    const std::size_t each = load.pattern == Pattern::broadcast ? load.connections - 1 : 1;
    const auto asked = static_cast<double>(*load.rate * each);
    plot.series.push_back({.form = Series::Form::level, .name = "asked", .points = {{0, asked}}});
    highest = std::max(highest, asked);
  }
  plot.y = Axis::linear(fmt::format("{} a second", counted_by(load.pattern)), highest, count_tick);
  return svg(plot);
}

std::string latency_plot(const Measurement& measured) {
  Plot plot{.title = "Latency over time",
            .x = time_axis(measured),
            .y = latency_axis(measured, "Latency"),
            .series = {{.form = Series::Form::line, .name = "p50", .points = {}},
                       {.form = Series::Form::line, .name = "p99", .points = {}},
                       {.form = Series::Form::line, .name = "max", .points = {}}},
            .hints = hints_of(measured)};
  for (const Interval& interval : measured.intervals()) {
    const double x = middle_of(interval);
    const auto value = [&](std::uint64_t latency) {
      return interval.answers == 0 ? std::numeric_limits<double>::quiet_NaN()
                                   : static_cast<double>(latency);
    };
    plot.series[0].points.push_back({x, value(interval.p50)});
    plot.series[1].points.push_back({x, value(interval.p99)});
    plot.series[2].points.push_back({x, value(interval.max)});
  }
  return svg(plot);
}

// The page ----------------------------------------------------------------------------------------

std::string card(std::string_view title, std::string_view words, const std::string& plot) {
  return fmt::format("<section class='card'><h2>{}</h2><p class='soft'>{}</p>\n{}</section>\n",
                     title, words, plot);
}

std::string tile(const std::string& value, std::string_view name, std::string_view kind = "") {
  return fmt::format("<div class='card tile {}'><b>{}</b><span>{}</span></div>\n", kind, value,
                     html_escaped(name));
}

std::string table(std::string_view title,
                  const std::vector<std::pair<std::string, std::string>>& rows,
                  std::string_view kind = "") {
  std::string text =
      fmt::format("<section class='card'><h2>{}</h2><table class='{}'>\n", title, kind);
  for (const auto& [name, value] : rows) {
    text +=
        fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_escaped(name), html_escaped(value));
  }
  return text + "</table></section>\n";
}

std::string address_of(const Load& load) {
  return load.own_server ? "started by bench, in its own process" : load.target.address.to_string();
}

std::vector<std::pair<std::string, std::string>> settings_of(const Load& load) {
  const std::string rate =
      load.rate ? fmt::format(
                      "{} messages a second (open loop: latency counts from when a message "
                      "was due)",
                      write_grouped(static_cast<double>(*load.rate)))
                : "as fast as the pattern allows (closed loop)";
  std::vector<std::pair<std::string, std::string>> rows{
      {"Server", address_of(load)},
      {"Pattern", std::string(to_string(load.pattern))},
      {"Connections", std::to_string(load.connections)},
      {"Message", counted(load.size, "byte")},
      {"Rate asked", rate},
      {"Duration asked", write_duration(load.duration)},
      {"Socket", std::string(to_string(load.wire.type))}};
  if (load.wire.type == SocketType::stream) {
    rows.emplace_back("Framing", load.wire.framing.to_string());
  }
  return rows;
}

std::vector<std::pair<std::string, std::string>> figures_of(const Load& load,
                                                            const Measurement& measured) {
  const Histogram& latencies = measured.latencies();
  std::vector<std::pair<std::string, std::string>> rows{
      {std::string(counted_by(load.pattern)),
       write_grouped(static_cast<double>(latencies.count()))},
      {"messages sent", write_grouped(static_cast<double>(measured.sent))},
      {"time", fmt::format("{:.2f} s", seconds(measured.elapsed()))},
      {"latency, fastest", in_microseconds(static_cast<double>(latencies.min()))},
      {"latency, mean", in_microseconds(latencies.mean())}};
  for (const auto& [name, at] : quantiles) {
    rows.emplace_back("latency, " + std::string(name), latency_at(measured, at));
  }
  rows.emplace_back("missing", words_of_losses(measured));
  rows.emplace_back("cores busy, load", fmt::format("{:.2f}", measured.load_cpu));
  if (measured.server_cpu) {
    rows.emplace_back("cores busy, server", fmt::format("{:.2f}", *measured.server_cpu));
  }
  return rows;
}

std::string note(std::string_view words, std::string_view kind = "") {
  return fmt::format("<p class='note {}'>{}</p>\n", kind, html_escaped(words));
}

/// Warnings that a reader needs to interpret the figures.
std::string notes_on(const Measurement& measured) {
  std::string text;
  if (!measured.is_sound()) {
    text += note("Some messages are missing or wrong: " + words_of_losses(measured), "bad");
  }
  if (!measured.cut_short.empty())
    text += note("Ended early: " + printable(measured.cut_short), "bad");
  if (measured.unsent > 0) {
    text += note(fmt::format("{} messages were due but not sent at the end.",
                             write_grouped(static_cast<double>(measured.unsent))));
  }
  if (measured.load_cpu > 0.9) {
    text += note("The load itself kept a whole core busy: the server may be able to do more.");
  }
  return text;
}

std::string summary_of(const Load& load, const Measurement& measured) {
  return fmt::format(
      "<p class='summary'>Half of all {} took at most <b>{}</b>, 99 of 100 at most <b>{}</b>, the "
      "slowest <b>{}</b>, at <b>{}</b> a second.</p>\n",
      counted_by(load.pattern), latency_at(measured, 0.5), latency_at(measured, 0.99),
      latency_at(measured, 1), write_grouped(measured.rate()));
}

std::string tiles_of(const Load& load, const Measurement& measured) {
  const double bytes = measured.rate() * static_cast<double>(load.size);
  return "<div class='tiles'>\n" +
         tile(write_grouped(measured.rate()),
              fmt::format("{} a second", counted_by(load.pattern))) +
         tile(write_bytes(bytes), "of messages per second") +
         tile(latency_at(measured, 0.5), "p50: half took no longer") +
         tile(latency_at(measured, 0.99), "p99: 99 of 100") +
         tile(latency_at(measured, 0.999), "p99.9: 999 of 1000") +
         tile(latency_at(measured, 1), "the slowest") +
         tile(write_grouped(static_cast<double>(measured.lost)), "lost",
              measured.is_sound() ? "" : "bad") +
         "</div>\n";
}

/// The figures for programs. Escaping each `<` keeps text in it from ending the script element.
std::string data_of(const Load& load, const Measurement& measured) {
  std::string data = json_line(load, measured);
  for (auto at = data.find('<'); at != std::string::npos; at = data.find('<', at)) {
    data.replace(at, 1, "\\u003c");
  }
  return "<script type='application/json' id='measured'>" + data + "</script>\n";
}

std::string page(const Load& load, const Measurement& measured) {
  const std::string title = fmt::format("hallway bench: {}", to_string(load.pattern));
  return "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n"
         "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>" +
         title + "</title>\n<style>" + std::string(style) + "</style></head><body>\n<h1>" + title +
         "</h1>\n<p class='soft'>" + html_escaped(tool::words_of(load)) + "; " +
         html_escaped(address_of(load)) + "</p>\n" + summary_of(load, measured) +
         notes_on(measured) + tiles_of(load, measured) + "<div class='plots'>\n" +
         card("Latency by percentile", "Each further mark to the right is ten times rarer.",
              percentile_plot(measured)) +
         card("Latency distribution", "Share of the answers at each latency.",
              histogram_plot(measured)) +
         card("Rate over time", "Answers in each interval, as a rate.", rate_plot(load, measured)) +
         card("Latency over time", "Latency of the answers in each interval.",
              latency_plot(measured)) +
         "</div>\n<div class='facts'>\n" + table("Figures", figures_of(load, measured), "numbers") +
         table("Settings", settings_of(load)) + table("Machine", machine_facts()) + "</div>\n" +
         data_of(load, measured) +
         "<footer>Latency axes are logarithmic. Every figure is within 0.05 % of the measured "
         "value.</footer>\n</body></html>\n";
}

}  // namespace

Result<Report> Report::open(const std::string& file) {
  errno = 0;
  Report report(file);
  if (!report.out_) return std::unexpected(report.error());
  return report;
}

Result<void> Report::write(const Load& load, const Measurement& measured) {
  errno = 0;
  out_ << page(load, measured);
  out_.close();
  if (!out_) return std::unexpected(error());
  return {};
}

Error Report::error() const { return error_of(errno == 0 ? EIO : errno, "write", file_); }

}  // namespace hallway::tool
