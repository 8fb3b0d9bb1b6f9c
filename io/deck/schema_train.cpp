#include "io/deck/sections.hpp"

namespace aureole::deck {

Choices<TrainSpec::Precision> choices_of(Of<TrainSpec::Precision> /*type*/) {
    return {
        {"f32", TrainSpec::Precision::f32}, {"bf16", TrainSpec::Precision::bf16}, {"f64", TrainSpec::Precision::f64}};
}

Choices<TrainSpec::Norm> choices_of(Of<TrainSpec::Norm> /*type*/) {
    return {{"global", TrainSpec::Norm::global}, {"tile", TrainSpec::Norm::tile}};
}

Choices<Metric> choices_of(Of<Metric> /*type*/) {
    return {{"accuracy", Metric::accuracy}, {"auroc", Metric::auroc}, {"auprc", Metric::auprc},
            {"best_f1", Metric::best_f1},   {"f1", Metric::f1},       {"iou", Metric::iou},
            {"dice", Metric::dice}};
}

Choices<TrainSpec::ResumeChanges> choices_of(Of<TrainSpec::ResumeChanges> /*type*/) {
    return {{"refuse", TrainSpec::ResumeChanges::refuse}, {"accept", TrainSpec::ResumeChanges::accept}};
}

std::vector<Field> fields_of(Of<CheckpointSpec> /*type*/) {
    using C = CheckpointSpec;
    return {
        field(
            "every", &C::every,
            "distance of checkpoints; 0: none but the one at the wall-time limit. final.h5 of output.folder holds the "
            "state at the end of every run, best.h5 that of the best evaluation")
            .at_least(0)
            .in("steps"),
        field("keep", &C::keep, "newest checkpoints kept; older ones are removed").at_least(1).in("files"),
        field("folder", &C::folder, "where checkpoints are written")
            .as(Type::output_path)
            .otherwise("<output.folder>/checkpoints"),
        field("asynchronous", &C::asynchronous,
              "checkpoints are written while training goes on, from a copy of the state, which the memory plan counts; "
              "false: training waits, and no copy is needed"),
    };
}

std::vector<Field> fields_of(Of<InitSpec> /*type*/) {
    return {
        field("file", &InitSpec::file,
              "HDF5 file with a dataset per parameter, such as a checkpoint or a dump; empty: drawn")
            .as(Type::input_path),
        field("map", &InitSpec::map, "parameter: dataset of the file; parameters left out have equal names"),
    };
}

std::vector<Field> fields_of(Of<TrainSpec> /*type*/) {
    using T = TrainSpec;
    return {
        field("batch", &T::batch, "samples per update, over all ranks").is_required().at_least(1).in("samples"),
        field("micro_batches", &T::micro_batches,
              "parts in which a batch is processed, one after the other; saves memory")
            .at_least(1),
        field("norm", &T::norm,
              "pixels that share batch-norm statistics: global, all of the image; tile, those of one rank's tile, an "
              "approximation that depends on the grid, for comparison with other systems (running statistics are then "
              "the tile's own)"),
        field("norm_batch", &T::norm_batch, "samples that share batch-norm statistics")
            .at_least(1)
            .in("samples")
            .otherwise("one micro-batch"),
        field("steps", &T::steps, "updates; of steps and epochs, the one that ends first counts")
            .at_least(1)
            .in("steps")
            .otherwise("as epochs says"),
        field("epochs", &T::epochs, "passes over the training samples; fractions are allowed")
            .above(0)
            .in("epochs")
            .otherwise("as steps says"),
        field("precision", &T::precision,
              "f32; bf16: activations in 16 bits, parameters and sums in f32; f64: for verification"),
        field("seed", &T::seed, "source of all random numbers: initial parameters, order, augmentation, dropout")
            .from_up_to(0, 0x1p63),
        field("loss", &T::loss, "what is minimised; several losses are added")
            .short_for("name")
            .items(1, Field::unlimited),
        field(
            "metrics", &T::metrics,
            "figures computed on the evaluation samples; accuracy, f1, iou and dice are counted in training too. With "
            "two classes f1, iou and dice are those of class 1, with more the mean over all classes that occur, "
            "background included; an evaluation writes those of every class too, as iou_0, iou_1 ... in metrics.csv "
            "and metrics.jsonl, where there are at most 32. auroc, auprc and best_f1 are exact: each rank keeps the "
            "scores of its labels of the whole evaluation, 4 bytes per label, 8 with precision f64, which "
            "`aureole plan` counts"),
        field("optimizer", &T::optimizer, "how gradients become updates").is_required(),
        field("schedule", &T::schedule, "learning rate over the steps").short_for("name"),
        field("clip_norm", &T::clip_norm, "largest norm of the whole gradient; a longer one is scaled down")
            .above(0)
            .otherwise("no limit"),
        field("clip_value", &T::clip_value, "largest magnitude of a gradient's element").above(0).otherwise("no limit"),
        field("eval_every", &T::eval_every, "distance of evaluations; 0: at the end only").at_least(0).in("steps"),
        field("eval_batches", &T::eval_batches,
              "batches of train.batch samples per evaluation, whatever micro_batches is")
            .at_least(1)
            .in("batches")
            .otherwise("the whole evaluation set"),
        field("best", &T::best,
              "what an evaluation is judged by for best.h5: loss, of which less is better, or one of train.metrics, of "
              "which more is"),
        field("checkpoint", &T::checkpoint, "saving the state of the run"),
        field("resume", &T::resume,
              "auto: goes on from the newest whole file of checkpoint.folder, if there is one; never: starts anew, "
              "after results of an earlier run have been moved to <output.folder>.1; or a checkpoint file")
            .as(Type::output_path),
        field("resume_changes", &T::resume_changes,
              "a resumed run whose model, image, data or train section decides otherwise over the result than that of "
              "the checkpoint: refuse, with a list of what changed; accept goes on with the new values"),
        field("init", &T::init, "initial parameters from a file").short_for("file"),
        field("log_every", &T::log_every, "distance of progress lines").at_least(1).in("steps"),
        field("wall_time", &T::wall_time,
              "after this time from the start of the process the run has saved a checkpoint and ended with exit code "
              "5, to be "
              "resumed; it keeps time for one more step and for the checkpoint, and gives up an evaluation")
            .as(Type::duration)
            .at_least(1)
            .otherwise("no limit"),
    };
}

}  // namespace aureole::deck
