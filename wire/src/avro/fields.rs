//! The fields of a record that a plan decodes, in whatever order the reader asks for them.
//!
//! The writer's order decides what comes next in the bytes. A field that is asked for later than it comes is skipped, and
//! its place remembered: only records whose fields were reordered pay for that.

use super::Sink;
use super::plan::{FieldStep, NodeId, PlanReader, RecordNode, read, skip, wrong_plan};
use crate::DecodeError;

/// The fields of a record, not read yet.
#[derive(Debug)]
pub struct Fields<'p, 'r, 'a> {
    run: PlanReader<'p, 'r, 'a>,
    record: &'p RecordNode,
    /// What comes next in the bytes, and then the defaults.
    steps: std::slice::Iter<'p, FieldStep>,
    /// What came before it was asked for.
    passed: Vec<Passed<'a>>,
}

/// A field that was skipped for now.
#[derive(Debug)]
struct Passed<'a> {
    field: usize,
    node: NodeId,
    /// Its bytes, and all that follow them.
    bytes: &'a [u8],
}

/// Where a field is read from.
enum Found<'p, 'a> {
    Here(NodeId),
    Passed(NodeId, &'a [u8]),
    Default(NodeId, &'p [u8]),
}

impl<'p, 'r, 'a> Fields<'p, 'r, 'a> {
    #[inline]
    pub(super) fn new(run: PlanReader<'p, 'r, 'a>, record: &'p RecordNode) -> Self {
        Self { run, record, steps: record.steps.iter(), passed: Vec::new() }
    }

    /// Returns the full name of the reader's record.
    #[must_use]
    pub fn record_name(&self) -> &'p str {
        &self.record.name
    }

    /// Returns how many fields the reader's record has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.record.fields.len()
    }

    /// Returns the name of the reader's field of that index.
    #[must_use]
    pub fn name(&self, field: usize) -> &'p str {
        self.record.fields.get(field).map_or("", String::as_str)
    }

    /// Reads the reader's field of that index.
    ///
    /// # Errors
    /// What reading the field returns, with its name in the path, or a field that the plan does not have.
    #[inline]
    pub fn read<T: Sink>(&mut self, field: usize) -> Result<T, DecodeError> {
        match self.steps.as_slice().first() {
            Some(FieldStep::Read { field: next, node }) if *next == field => {
                self.steps.next();
                read(self.run.plan, self.run.reader, *node).map_err(|error| self.in_field(error, field))
            }
            _ => self.read_elsewhere(field),
        }
    }

    /// As [`Fields::read`], for a type that knows the field's default: it is not decoded then.
    ///
    /// # Errors
    /// As [`Fields::read`].
    #[inline(always)]
    pub fn read_or<T: Sink>(&mut self, field: usize, default: impl FnOnce() -> T) -> Result<T, DecodeError> {
        match self.steps.as_slice().first() {
            Some(FieldStep::Default { field: next, .. }) if *next == field => {
                self.steps.next();
                Ok(default())
            }
            _ => self.read(field),
        }
    }

    /// Skips what nobody asked for.
    ///
    /// # Errors
    /// What skipping returns, or a field that is none of the type's.
    #[inline]
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        if self.steps.len() == 0 && self.passed.is_empty() { Ok(()) } else { self.skip_rest() }
    }

    #[inline(never)]
    fn read_elsewhere<T: Sink>(&mut self, field: usize) -> Result<T, DecodeError> {
        match self.find(field)? {
            Found::Here(node) => read(self.run.plan, self.run.reader, node),
            Found::Passed(node, bytes) => read(self.run.plan, &mut self.run.reader.at(bytes), node),
            Found::Default(node, bytes) => read(self.run.plan, &mut self.run.reader.at(bytes), node),
        }
        .map_err(|error| self.in_field(error, field))
    }

    /// Finds a field before or behind what comes next.
    fn find(&mut self, field: usize) -> Result<Found<'p, 'a>, DecodeError> {
        if let Some(at) = self.passed.iter().position(|passed| passed.field == field) {
            let Passed { node, bytes, .. } = self.passed.swap_remove(at);
            return Ok(Found::Passed(node, bytes));
        }
        while let Some(step) = self.steps.next() {
            match step {
                FieldStep::Read { field: next, node } if *next == field => return Ok(Found::Here(*node)),
                FieldStep::Read { field: next, node } => self.pass(*next, *node)?,
                FieldStep::Skip(node) => skip(self.run.plan, self.run.reader, *node)?,
                FieldStep::Default { .. } => break,
            }
        }
        // The defaults are at the end, and stand in no bytes that could have been passed.
        let defaults = self.record.steps.iter().rev().find_map(|step| match step {
            FieldStep::Default { field: one, node, bytes } if *one == field => Some(Found::Default(*node, bytes)),
            _ => None,
        });
        defaults.ok_or_else(|| self.left_out(field))
    }

    fn pass(&mut self, field: usize, node: NodeId) -> Result<(), DecodeError> {
        let bytes = self.run.reader.rest();
        skip(self.run.plan, self.run.reader, node).map_err(|error| self.in_field(error, field))?;
        self.passed.push(Passed { field, node, bytes });
        Ok(())
    }

    #[inline(never)]
    fn skip_rest(&mut self) -> Result<(), DecodeError> {
        for step in self.steps.by_ref() {
            match step {
                FieldStep::Skip(node) => skip(self.run.plan, self.run.reader, *node)?,
                FieldStep::Read { field, .. } => return Err(self.unexpected(*field)),
                FieldStep::Default { .. } => {}
            }
        }
        self.passed.first().map_or(Ok(()), |passed| Err(self.unexpected(passed.field)))
    }

    #[cold]
    fn unexpected(&self, field: usize) -> DecodeError {
        wrong_plan(format!("`{}` has no field of the index {field}", self.record.name))
    }

    #[cold]
    fn left_out(&self, field: usize) -> DecodeError {
        wrong_plan(format!("the plan leaves out the field {field}, `{}`, of `{}`", self.name(field), self.record.name))
    }

    #[cold]
    fn in_field(&self, error: DecodeError, field: usize) -> DecodeError {
        error.in_field(self.name(field))
    }
}
