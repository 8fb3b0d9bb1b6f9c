#pragma once
#include "io/deck/bind.hpp"

/// The keys of every struct of deck.hpp, one source file per section of the deck.
namespace aureole::deck {

// schema_model.cpp
[[nodiscard]] std::vector<Field> fields_of(Of<ModelSpec>);
[[nodiscard]] Choices<ModelSpec::Kind> choices_of(Of<ModelSpec::Kind>);
[[nodiscard]] Choices<ModelSpec::Norm> choices_of(Of<ModelSpec::Norm>);
[[nodiscard]] Choices<ModelSpec::Up> choices_of(Of<ModelSpec::Up>);
[[nodiscard]] std::vector<Field> fields_of(Of<ImageSpec>);

// schema_data.cpp
[[nodiscard]] std::vector<Field> fields_of(Of<SourceSpec>);
[[nodiscard]] Choices<SourceSpec::Kind> choices_of(Of<SourceSpec::Kind>);
[[nodiscard]] std::vector<Field> fields_of(Of<NormalizeSpec>);
[[nodiscard]] Choices<NormalizeSpec::Kind> choices_of(Of<NormalizeSpec::Kind>);
[[nodiscard]] std::vector<Field> fields_of(Of<AugmentSpec>);
[[nodiscard]] std::vector<Field> fields_of(Of<DataSpec>);

// schema_train.cpp
[[nodiscard]] std::vector<Field> fields_of(Of<TrainSpec>);
[[nodiscard]] Choices<TrainSpec::Precision> choices_of(Of<TrainSpec::Precision>);
[[nodiscard]] Choices<Metric> choices_of(Of<Metric>);
[[nodiscard]] std::vector<Field> fields_of(Of<CheckpointSpec>);
[[nodiscard]] std::vector<Field> fields_of(Of<InitSpec>);

// schema_optimizer.cpp
[[nodiscard]] std::vector<Field> fields_of(Of<LossSpec>);
[[nodiscard]] Choices<LossSpec::Kind> choices_of(Of<LossSpec::Kind>);
[[nodiscard]] std::vector<Field> fields_of(Of<OptimizerSpec>);
[[nodiscard]] Choices<OptimizerSpec::Kind> choices_of(Of<OptimizerSpec::Kind>);
[[nodiscard]] std::vector<Field> fields_of(Of<ScheduleSpec>);
[[nodiscard]] Choices<ScheduleSpec::Kind> choices_of(Of<ScheduleSpec::Kind>);

// schema_run.cpp
[[nodiscard]] std::vector<Field> fields_of(Of<MemorySpec>);
[[nodiscard]] Choices<MemorySpec::Recompute> choices_of(Of<MemorySpec::Recompute>);
[[nodiscard]] std::vector<Field> fields_of(Of<ParallelSpec>);
[[nodiscard]] std::vector<Field> fields_of(Of<ParallelSpec::Spatial>);
[[nodiscard]] Choices<ParallelSpec::Schedule> choices_of(Of<ParallelSpec::Schedule>);
[[nodiscard]] Choices<KernelChoice> choices_of(Of<KernelChoice>);
[[nodiscard]] std::vector<Field> fields_of(Of<OutputSpec>);
[[nodiscard]] std::vector<Field> fields_of(Of<DumpSpec>);
[[nodiscard]] std::vector<Field> fields_of(Of<Deck>);

}  // namespace aureole::deck
