// SPDX-License-Identifier: Apache-2.0
#include "tool/bench/plot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace hallway::tool {

namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string as_number(double value) { return std::to_string(std::lround(value)); }

std::vector<std::string> texts_of(const Axis& axis) {
  std::vector<std::string> texts;
  for (const auto& tick : axis.ticks) texts.push_back(tick.text);
  return texts;
}

Plot plot_of(std::vector<Point> points, Series::Form form = Series::Form::line) {
  return {.title = "a plot",
          .x = Axis::linear("x", 10, as_number),
          .y = Axis::linear("y", 10, as_number),
          .series = {{.form = form, .name = "", .points = std::move(points)}}};
}

TEST(Axis, a_linear_one_begins_at_zero_and_has_round_ticks) {
  const Axis axis = Axis::linear("rate", 87, as_number);
  EXPECT_THAT(texts_of(axis), ElementsAre("0", "20", "40", "60", "80", "100"));
  EXPECT_EQ(axis.share(0), 0);
  EXPECT_THAT(axis.share(50), DoubleNear(0.5, 1e-9));
  EXPECT_EQ(axis.share(100), 1);
  EXPECT_EQ(axis.share(1000), 1) << "nothing is drawn outside";
}

TEST(Axis, a_linear_one_of_nothing_can_still_be_drawn) {
  EXPECT_TRUE(std::isfinite(Axis::linear("rate", 0, as_number).share(0)));
}

TEST(Axis, a_logarithmic_one_gives_each_decade_the_same_room) {
  const Axis axis = Axis::logarithmic("latency", 11, 830, as_number);
  EXPECT_THAT(texts_of(axis), ElementsAre("10", "20", "50", "100", "200", "500", "1000"));
  EXPECT_THAT(axis.share(10), DoubleNear(0, 1e-9));
  EXPECT_THAT(axis.share(100), DoubleNear(0.5, 1e-9));
  EXPECT_THAT(axis.share(1000), DoubleNear(1, 1e-9));
  EXPECT_EQ(axis.share(0), 0);
}

TEST(Axis, a_long_logarithmic_one_names_decades_only) {
  EXPECT_THAT(texts_of(Axis::logarithmic("latency", 10, 1e6, as_number)),
              ElementsAre("10", "100", "1000", "10000", "100000", "1000000"));
}

TEST(Axis, a_logarithmic_one_around_one_value_still_has_room) {
  const Axis axis = Axis::logarithmic("latency", 100, 100, as_number);
  EXPECT_LT(axis.low, axis.high);
  EXPECT_TRUE(std::isfinite(axis.share(100)));
}

TEST(Svg, a_line_has_a_gap_where_nothing_was_measured) {
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  const std::string drawing = svg(plot_of({{0, 1}, {2, 2}, {4, nothing}, {6, 3}, {8, 4}}));
  const auto path = drawing.substr(drawing.find("class='series-1' d='") + 20);
  const auto commands = path.substr(0, path.find('\''));
  EXPECT_EQ(std::ranges::count(commands, 'M'), 2) << commands;
  EXPECT_EQ(std::ranges::count(commands, 'L'), 2) << commands;
  EXPECT_THAT(drawing, Not(HasSubstr("nan")));
}

TEST(Svg, a_bar_however_small_can_be_seen_and_an_empty_one_is_none) {
  const std::string drawing =
      svg(plot_of({{0, 10}, {2, 0}, {4, 1e-9}, {6, 0}}, Series::Form::bars));
  const auto path = drawing.substr(drawing.find("class='fill-1' d='") + 18);
  const auto commands = path.substr(0, path.find('\''));
  EXPECT_EQ(std::ranges::count(commands, 'M'), 2) << commands;
}

TEST(Svg, no_text_can_break_out_of_it) {
  Plot plot = plot_of({{0, 1}});
  plot.title = "'><script>";
  plot.x.label = "<b>&\"";
  plot.hints.push_back({0, 1, "</title>"});
  const std::string drawing = svg(plot);
  EXPECT_THAT(drawing, Not(HasSubstr("<script>")));
  EXPECT_THAT(drawing, HasSubstr("&lt;b&gt;&amp;&quot;"));
  EXPECT_THAT(drawing, HasSubstr("&lt;/title&gt;"));
}

}  // namespace

}  // namespace hallway::tool
