#include "app/verbs.hpp"
