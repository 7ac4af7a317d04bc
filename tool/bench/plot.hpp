// SPDX-License-Identifier: Apache-2.0
//
// Plots as SVG, to stand in a page of HTML that says by CSS how they look: lines and areas have the
// classes "series-1", "series-2", ... Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hallway::tool {

/// Text that may stand in HTML and SVG.
std::string html_escaped(std::string_view text);

using WriteValue = std::function<std::string(double)>;

struct Axis {
  enum class Scale : std::uint8_t { linear, logarithmic };
  struct Tick {
    double at;
    std::string text;
  };

  /// From 0 to at least `high`, with ticks at round figures.
  static Axis linear(std::string label, double high, const WriteValue& write);

  /// Around `low` and `high`, which are positive, with ticks at 1, 2, 5, 10, ... of the unit.
  static Axis logarithmic(std::string label, double low, double high, const WriteValue& write);

  /// Where a value lies: 0 at the low end, 1 at the high one.
  [[nodiscard]] double share(double value) const;

  std::string label;
  Scale scale = Scale::linear;
  double low = 0;
  double high = 1;
  std::vector<Tick> ticks;
};

struct Point {
  double x;
  double y;
};

struct Series {
  enum class Form : std::uint8_t {
    line,
    area,   ///< a line with what is below it
    bars,   ///< each from its x to the next one's; the last point only ends the one before
    level,  ///< one value all along the x axis
  };

  Form form = Form::line;
  std::string name;  ///< for the legend, which only several series have
  /// A line has a gap where y is NaN.
  std::vector<Point> points;
};

/// A point with words beside it.
struct Mark {
  Point at;
  std::string text;
};

/// A stretch of the x axis that tells its figures to whoever points at it.
struct Hint {
  double from;
  double to;
  std::string text;
};

struct Plot {
  std::string title;  ///< for those who hear the page
  Axis x;
  Axis y;
  std::vector<Series> series;
  std::vector<Mark> marks = {};
  std::vector<Hint> hints = {};
};

std::string svg(const Plot& plot);

}  // namespace hallway::tool
