// A pool layout of small, odd and different sizes, so that a size taken for another is noticed.
#pragma once

#include "pool/pool_layout.hpp"

namespace levelscan {

inline PoolLayout tiny_pool_layout(uint32_t scans_max) {
  PoolLayout layout;
  layout.scans_max = scans_max;
  layout.runs = {RunLayout{301, 40003}, RunLayout{523, 1009}};
  layout.candidates_max = 13;
  layout.candidate_key_bytes = 211;
  layout.cells_max = 7;
  layout.result_bytes = 307;
  layout.control_bytes = 401;
  layout.read_area_bytes = 503;
  layout.values_bytes = 409;
  layout.value_list_max = 5;
  return layout;
}

}  // namespace levelscan
