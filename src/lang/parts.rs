//! What an expression is made of, and what it asks for.

use super::expr::{Expr, Piece, Ref};

impl Expr {
    /// The expressions that it is made of directly, from left to right.
    #[must_use]
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Const(_) | Self::Ref(_) | Self::Secret(_) => Vec::new(),
            Self::Text(pieces) => {
                let holes = pieces.iter().filter_map(|piece| match piece {
                    Piece::Hole(hole, _) => Some(hole),
                    Piece::Literal(_) => None,
                });
                holes.collect()
            }
            Self::Not(inner) | Self::Has(inner) | Self::Lower(inner) | Self::Matches(inner, _) => vec![inner],
            Self::And(all) | Self::Or(all) => all.iter().collect(),
            Self::Compare(left, _, right) | Self::In(left, right) | Self::OrElse(left, right) => vec![left, right],
        }
    }

    /// How many operators, references and strings with holes are in it; constants count nothing.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::from(!matches!(self, Self::Const(_))) + self.parts().into_iter().map(Self::size).sum::<usize>()
    }

    /// What it asks for, each once, from left to right.
    #[must_use]
    pub fn references(&self) -> Vec<&Ref> {
        fn collect<'e>(expr: &'e Expr, found: &mut Vec<&'e Ref>) {
            if let Expr::Ref(reference) = expr
                && !found.contains(&reference)
            {
                found.push(reference);
            }
            expr.parts().into_iter().for_each(|part| collect(part, found));
        }
        let mut found = Vec::new();
        collect(self, &mut found);
        found
    }

    /// True when it asks for something of which the test holds.
    #[must_use]
    pub fn mentions(&self, test: impl FnMut(&Ref) -> bool) -> bool {
        self.references().into_iter().any(test)
    }
}
