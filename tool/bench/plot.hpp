// SPDX-License-Identifier: Apache-2.0
//
// Plots as SVG, for an HTML page whose CSS decides how they look: lines have the classes
// "series-1", "series-2", ..., and bars and areas "fill-1", "fill-2", ... Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hallway::tool {

/// Text escaped for use in HTML and SVG.
std::string html_escaped(std::string_view text);

using WriteValue = std::function<std::string(double)>;

struct Axis {
  enum class Scale : std::uint8_t { linear, logarithmic };
  struct Tick {
    double at;
    std::string text;
  };

  /// From 0 to at least `high`, with ticks at round numbers.
  static Axis linear(std::string label, double high, const WriteValue& write);

  /// Includes `low` and `high`, which are positive, with ticks at 1, 2, 5, 10, ... of the unit.
  static Axis logarithmic(std::string label, double low, double high, const WriteValue& write);

  /// The position of a value: 0 at the low end, 1 at the high end.
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
    area,   ///< a line with the area below it filled
    bars,   ///< each from its x to the next point's x; the last point only ends the last bar
    level,  ///< one value along the whole x axis
  };

  Form form = Form::line;
  std::string name;  ///< for the legend, which is drawn for two or more series
  /// A line has a gap where y is NaN.
  std::vector<Point> points;
};

/// A point with a label.
struct Mark {
  Point at;
  std::string text;
};

/// A range of the x axis that shows a tooltip.
struct Hint {
  double from;
  double to;
  std::string text;
};

struct Plot {
  std::string title;  ///< for screen readers
  Axis x;
  Axis y;
  std::vector<Series> series;
  std::vector<Mark> marks = {};
  std::vector<Hint> hints = {};
};

std::string svg(const Plot& plot);

}  // namespace hallway::tool
