// SPDX-License-Identifier: Apache-2.0
#include "bench/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace hallway::tool {

namespace {

// In units of the drawing, which are pixels at its natural size.
constexpr double width = 640;
constexpr double height = 320;
constexpr double left = 68;
constexpr double right = 18;
constexpr double top = 36;
constexpr double bottom = 46;
constexpr double line_height = 18;
constexpr double letter_width = 7.2;

/// Points of a line that are closer together than this make no visible difference.
constexpr double visible = 0.5;

constexpr int most_ticks = 6;
constexpr std::array round_digits{1.0, 2.0, 5.0};

/// The largest of 1, 2 or 5 times a power of ten that is not above `value`.
double round_down(double value) {
  const double power = std::pow(10, std::floor(std::log10(value) + 1e-9));
  double found = power;
  for (const double digit : round_digits) {
    if (digit * power <= value * (1 + 1e-9)) found = digit * power;
  }
  return found;
}

/// The smallest such number that is not below `value`.
double round_up(double value) {
  const double below = round_down(value);
  return below >= value * (1 - 1e-9) ? below : round_down(below * 2.5);
}

double across(const Axis& axis, double value) {
  return left + axis.share(value) * (width - left - right);
}

double down(const Axis& axis, double value) {
  return height - bottom - axis.share(value) * (height - top - bottom);
}

std::string frame_of(const Plot& plot) {
  std::string text;
  for (const auto& [at, label] : plot.y.ticks) {
    const double y = down(plot.y, at);
    text += fmt::format(
        "<line class='grid' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/>"
        "<text class='tick' x='{}' y='{:.1f}' text-anchor='end'>{}</text>\n",
        left, width - right, y, y, left - 8, y + 4, html_escaped(label));
  }
  for (const auto& [at, label] : plot.x.ticks) {
    const double x = across(plot.x, at);
    text += fmt::format(
        "<line class='grid' x1='{:.1f}' x2='{:.1f}' y1='{}' y2='{}'/>"
        "<text class='tick' x='{:.1f}' y='{}' text-anchor='middle'>{}</text>\n",
        x, x, height - bottom, height - bottom + 5, x, height - bottom + line_height,
        html_escaped(label));
  }
  text += fmt::format("<text class='axis' x='{}' y='{}'>{}</text>\n", 0, line_height - 4,
                      html_escaped(plot.y.label));
  return text + fmt::format("<text class='axis' x='{}' y='{}' text-anchor='end'>{}</text>\n",
                            width - right, height - 6, html_escaped(plot.x.label));
}

/// Placed above the plot at its right edge, and built from right to left.
std::string legend_of(const Plot& plot) {
  if (plot.series.size() < 2) return "";
  std::string text;
  double x = width - right;
  for (std::size_t index = plot.series.size(); index-- > 0;) {
    const std::string& name = plot.series[index].name;
    x -= letter_width * static_cast<double>(name.size());
    text += fmt::format(
        "<line class='series-{}' x1='{:.1f}' x2='{:.1f}' y1='{}' y2='{}'/>"
        "<text class='tick' x='{:.1f}' y='{}'>{}</text>\n",
        index + 1, x - 22, x - 6, line_height - 8, line_height - 8, x, line_height - 4,
        html_escaped(name));
    x -= 36;
  }
  return text;
}

/// The commands of a path through points, with a gap at each NaN.
std::string path_through(const Plot& plot, const std::vector<Point>& points) {
  std::string path;
  char command = 'M';
  Point drawn{-width, -height};
  for (std::size_t index = 0; index < points.size(); ++index) {
    if (std::isnan(points[index].y)) {
      command = 'M';
      continue;
    }
    const Point here{across(plot.x, points[index].x), down(plot.y, points[index].y)};
    const bool is_last = index + 1 == points.size() || std::isnan(points[index + 1].y);
    const double moved = std::max(std::abs(here.x - drawn.x), std::abs(here.y - drawn.y));
    if (command == 'L' && !is_last && moved < visible) continue;
    path += fmt::format("{}{:.1f} {:.1f}", command, here.x, here.y);
    // A point between two gaps is a dot.
    if (command == 'M' && is_last) path += "h.01";
    command = 'L';
    drawn = here;
  }
  return path;
}

std::string bars_of(const Plot& plot, const Series& series) {
  std::string path;
  const double base = height - bottom;
  for (std::size_t index = 0; index + 1 < series.points.size(); ++index) {
    const auto [x, y] = series.points[index];
    const double begin = across(plot.x, x);
    const double end = std::max(across(plot.x, series.points[index + 1].x) - 1, begin + 1);
    if (y <= 0) continue;
    // Even a rare value has a bar that can be seen.
    const double peak = std::min(down(plot.y, y), base - 1.5);
    path += fmt::format("M{:.1f} {}V{:.1f}H{:.1f}V{}Z", begin, base, peak, end, base);
  }
  return path;
}

std::string drawing_of(const Plot& plot, const Series& series, std::size_t number) {
  switch (series.form) {
    case Series::Form::bars:
      return fmt::format("<path class='fill-{}' d='{}'/>\n", number, bars_of(plot, series));
    case Series::Form::level: {
      const double y = down(plot.y, series.points.front().y);
      return fmt::format("<path class='series-{} level' d='M{} {:.1f}H{}'/>\n", number, left, y,
                         width - right);
    }
    case Series::Form::line:
      return fmt::format("<path class='series-{}' d='{}'/>\n", number,
                         path_through(plot, series.points));
    case Series::Form::area: break;
  }
  if (series.points.empty()) return "";
  std::vector<Point> outline = series.points;
  outline.push_back({series.points.back().x, 0});
  outline.insert(outline.begin(), {series.points.front().x, 0});
  return fmt::format("<path class='fill-{} area' d='{}Z'/><path class='series-{}' d='{}'/>\n",
                     number, path_through(plot, outline), number,
                     path_through(plot, series.points));
}

/// A label is left of its point and above it, where a rising curve leaves room. If the label of the
/// next point to the right is there already, it is below the point.
std::string marks_of(const Plot& plot) {
  std::string text;
  double free_until = width;
  double line_above = 0;
  for (auto mark = plot.marks.rbegin(); mark != plot.marks.rend(); ++mark) {
    const double x = across(plot.x, mark->at.x);
    const double y = down(plot.y, mark->at.y);
    const bool is_taken = x > free_until && std::abs(y - line_above) < line_height;
    text += fmt::format(
        "<circle class='mark' cx='{:.1f}' cy='{:.1f}' r='3.5'/>"
        "<text class='marked' x='{:.1f}' y='{:.1f}' text-anchor='end'>{}</text>\n",
        x, y, x - 7, is_taken ? y + line_height : y - 6, html_escaped(mark->text));
    if (is_taken) continue;
    free_until = x - letter_width * static_cast<double>(mark->text.size());
    line_above = y;
  }
  return text;
}

std::string hints_of(const Plot& plot) {
  std::string text;
  for (const auto& [from, to, words] : plot.hints) {
    const double begin = across(plot.x, from);
    text += fmt::format(
        "<rect class='hint' x='{:.1f}' y='{}' width='{:.1f}' "
        "height='{}'><title>{}</title></rect>\n",
        begin, top, across(plot.x, to) - begin, height - top - bottom, html_escaped(words));
  }
  return text;
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += letter;
    }
  }
  return escaped;
}

Axis Axis::linear(std::string label, double high, const WriteValue& write) {
  Axis axis{.label = std::move(label), .scale = Scale::linear, .ticks = {}};
  const double step = round_up(std::max(high, 1e-9) / most_ticks);
  const double steps = std::ceil(high / step - 1e-9);
  axis.high = std::max(steps, 1.0) * step;
  for (double at = 0; at <= steps; ++at) axis.ticks.push_back({at * step, write(at * step)});
  return axis;
}

Axis Axis::logarithmic(std::string label, double low, double high, const WriteValue& write) {
  Axis axis{.label = std::move(label), .scale = Scale::logarithmic, .ticks = {}};
  axis.low = round_down(low);
  axis.high = std::max(round_up(high), round_up(axis.low * 1.5));
  const bool in_decades = axis.high / axis.low > 2000;
  for (double at = axis.low; at <= axis.high * (1 + 1e-9); at = round_up(at * 1.5)) {
    const double decade = std::log10(at);
    const bool is_decade = std::abs(decade - std::round(decade)) < 1e-6;
    if (is_decade || !in_decades) axis.ticks.push_back({at, write(at)});
  }
  return axis;
}

double Axis::share(double value) const {
  const double share = scale == Scale::linear
                           ? (value - low) / (high - low)
                           : std::log(std::max(value, low) / low) / std::log(high / low);
  return std::clamp(share, 0.0, 1.0);
}

std::string svg(const Plot& plot) {
  std::string text = fmt::format("<svg viewBox='0 0 {} {}' role='img' aria-label='{}'>\n", width,
                                 height, html_escaped(plot.title));
  text += frame_of(plot) + legend_of(plot);
  // Draws backwards, so that the first series is on top.
  for (std::size_t index = plot.series.size(); index-- > 0;) {
    text += drawing_of(plot, plot.series[index], index + 1);
  }
  return text + marks_of(plot) + hints_of(plot) + "</svg>\n";
}

}  // namespace hallway::tool
