"""Templates in Liquid: versions, rendering within bounds, previews."""
