//! The least value of a type that has a certain part: all else is as small as it can be, but for numbers and texts, which are not
//! zero and not empty, so that it shows where they went.

use eventwright_wire::avro::{Logical, Writer};

use super::super::model::{Body, Kind, NamedId, Node, Schema};
use super::Step;

/// The key of a map's only entry.
pub(super) const KEY: &str = "k";

/// How many bytes a value may have: what is larger shows nothing to anybody.
const MAX_LEN: usize = 1 << 10;

/// How many parts are tried: unions whose branches have no end in sight could double them at each level.
const MAX_PARTS: u32 = 1 << 12;

/// Returns the bytes of the least value that has the part to which the steps lead; `None` where there is none, or none that is small.
pub(super) fn bytes(schema: &Schema, node: &Node, steps: &[Step]) -> Option<Vec<u8>> {
    let mut least = Least { schema, out: Vec::new(), open: Vec::new(), left: MAX_PARTS };
    least.node(node, steps)?;
    Some(least.out)
}

struct Least<'s> {
    schema: &'s Schema,
    out: Vec<u8>,
    /// The records that the value is in: a least value never needs one of them again.
    open: Vec<NamedId>,
    left: u32,
}

impl<'s> Least<'s> {
    fn writer(&mut self) -> Writer<'_> {
        Writer::new(&mut self.out)
    }

    fn node(&mut self, node: &'s Node, steps: &[Step]) -> Option<()> {
        self.left = self.left.checked_sub(1).filter(|_| self.out.len() <= MAX_LEN)?;
        let (step, rest) = steps.split_first().map_or((None, steps), |(step, rest)| (Some(*step), rest));
        match (&node.kind, step) {
            (Kind::Array(item), Some(Step::Item)) => {
                self.writer().length(1);
                self.node(item, rest)?;
                self.writer().length(0);
            }
            (Kind::Map(value), Some(Step::Entry)) => {
                self.writer().length(1);
                self.writer().string(KEY);
                self.node(value, rest)?;
                self.writer().length(0);
            }
            (Kind::Array(_) | Kind::Map(_), _) => self.writer().length(0),
            (Kind::Union(branches), Some(Step::Branch(index))) => {
                self.writer().length(index);
                self.node(branches.get(index)?, rest)?;
            }
            (Kind::Union(branches), _) => self.any_branch(branches)?,
            (Kind::Named(id), _) => self.named(*id, steps)?,
            (Kind::Int, Some(Step::Digits)) => self.writer().int((1 << 24) + 1),
            (Kind::Long, Some(Step::Digits)) => self.writer().long((1 << 53) + 1),
            (primitive, _) => self.primitive(primitive, node.logical),
        }
        Some(())
    }

    /// Null, if it is a branch, or else the first one that has an end.
    fn any_branch(&mut self, branches: &'s [Node]) -> Option<()> {
        let null = branches.iter().position(|branch| matches!(branch.kind, Kind::Null));
        let (start, n_open) = (self.out.len(), self.open.len());
        for (index, branch) in null.into_iter().chain(0..branches.len()).filter_map(|at| Some((at, branches.get(at)?)))
        {
            self.writer().length(index);
            if self.node(branch, &[]).is_some() {
                return Some(());
            }
            self.out.truncate(start);
            self.open.truncate(n_open);
        }
        None
    }

    fn named(&mut self, id: NamedId, steps: &[Step]) -> Option<()> {
        let named = self.schema.named(id);
        match &named.body {
            Body::Record(fields) => {
                let (wanted, rest) = match steps.split_first() {
                    Some((Step::Field(index), rest)) => (Some(*index), rest),
                    _ => (None, steps),
                };
                if wanted.is_none() && self.open.contains(&id) {
                    return None;
                }
                self.open.push(id);
                for (index, field) in fields.iter().enumerate() {
                    self.node(&field.node, if wanted == Some(index) { rest } else { &[] })?;
                }
                self.open.pop();
            }
            Body::Enum { symbols, .. } => {
                let index = match steps.first() {
                    Some(Step::Symbol(index)) => *index,
                    _ => 0,
                };
                symbols.get(index)?;
                self.writer().length(index);
            }
            Body::Fixed(size) => {
                let zeros = size.checked_sub(1).filter(|zeros| *zeros <= MAX_LEN);
                self.out.extend(std::iter::repeat_n(0, zeros.or((*size == 0).then_some(0))?));
                self.out.extend((*size > 0).then_some(1));
            }
        }
        Some(())
    }

    fn primitive(&mut self, kind: &Kind, logical: Logical) {
        let mut writer = self.writer();
        match (kind, logical) {
            (Kind::Boolean, _) => writer.boolean(true),
            (Kind::Int, _) => writer.int(1),
            (Kind::Long, _) => writer.long(1),
            (Kind::Float, _) => writer.float(1.5),
            (Kind::Double, _) => writer.double(1.5),
            (Kind::Bytes, Logical::Decimal { .. }) => writer.bytes(&[1]),
            // No UTF-8: a reader that expects text fails.
            (Kind::Bytes, _) => writer.bytes(&[0xff]),
            (Kind::String, Logical::Uuid) => writer.string("00000000-0000-0000-0000-000000000001"),
            (Kind::String, _) => writer.string("a"),
            _ => {}
        }
    }
}
