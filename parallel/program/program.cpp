#include "parallel/program/program.hpp"
